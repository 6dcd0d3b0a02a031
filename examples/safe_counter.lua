-- A counter that a thousand tasks share. Reading, waiting and writing must stay together, so each
-- holds the mutex meanwhile; without it the answer would be 1.
--
-- $ curl -s http://127.0.0.1:8080/safe_counter
-- {"somekey":1000}
local http = require "perigee.http"
local perigee = require "perigee"
local sync = require "perigee.sync"

local TASK_COUNT = 1000

local SafeCounter = {}
SafeCounter.__index = SafeCounter

function SafeCounter.new()
    return setmetatable({ mutex = sync.mutex(), counts = {} }, SafeCounter)
end

function SafeCounter:increment(key)
    self.mutex:with(function()
        local count = self.counts[key] or 0
        perigee.sleep(0)
        self.counts[key] = count + 1
    end)
end

local app = http.router()

app:get("/", function()
    local counter, group = SafeCounter.new(), sync.wait_group()
    for _ = 1, TASK_COUNT do
        group:go(counter.increment, counter, "somekey")
    end
    group:wait()
    return counter.counts
end)

return { http = app }
