-- The counter of safe_counter.lua when several workers serve: it is in memory that all of them see,
-- and adding to it is one step for all. No lock is needed, and a reload keeps the counts.
--
-- $ curl -s -X POST http://127.0.0.1:8080/shared_counter/somekey
-- {"somekey":1000}
-- $ curl -s -X POST http://127.0.0.1:8080/shared_counter/somekey
-- {"somekey":2000}
-- $ curl -s http://127.0.0.1:8080/shared_counter/other
-- {"other":0}
local http = require "perigee.http"
local shared = require "perigee.shared"
local sync = require "perigee.sync"

local TASK_COUNT = 1000

local counts = assert(shared.dict("shared_counter", { entries = 100, value_size = 8 }))

local app = http.router()

app:get("/:key", function(request)
    local key = request.params.key
    return { [key] = counts:get(key) or 0 }
end)

app:post("/:key", function(request)
    local key, group = request.params.key, sync.wait_group()
    for _ = 1, TASK_COUNT do
        group:go(counts.add, counts, key, 1)
    end
    group:wait()
    return { [key] = counts:get(key) }
end)

return { http = app }
