-- Work beside the requests: a task of its own that waits for orders, one at a time.
--
-- $ curl -s -X POST http://127.0.0.1:8080/background/jobs
-- {"queued":1}
local http = require "perigee.http"
local log = require "perigee.log"
local perigee = require "perigee"

local WORK_S = 0.05

local queued, done = 0, 0

local function work()
    while true do
        if queued > 0 then
            perigee.sleep(WORK_S)
            queued, done = queued - 1, done + 1
            log.info("a job is done", { done = done })
        else
            perigee.sleep(WORK_S)
        end
    end
end

local app = http.router()

app:post("/jobs", function()
    queued = queued + 1
    return 202, { queued = queued }
end)

app:get("/jobs", function()
    return { queued = queued, done = done }
end)

return {
    http = app,
    replicas = 1,
    start = function()
        perigee.go(work)
    end,
}
