-- A worker pool: three tasks take jobs from one channel; twelve jobs take as long as four.
--
-- $ curl -s http://127.0.0.1:8080/worker_pool
-- 12 jobs, 3 at once
local http = require "perigee.http"
local perigee = require "perigee"

local WORKER_COUNT, JOB_COUNT, JOB_S = 3, 12, 0.005

local app = http.router()

app:get("/", function(_, response)
    local jobs, results = perigee.chan(JOB_COUNT), perigee.chan(JOB_COUNT)
    local working, most = 0, 0
    for _ = 1, WORKER_COUNT do
        perigee.go(function()
            for job in jobs do
                working = working + 1
                most = math.max(most, working)
                perigee.sleep(JOB_S)
                working = working - 1
                results:send(job)
            end
        end)
    end
    for job = 1, JOB_COUNT do
        jobs:send(job)
    end
    jobs:close()
    for _ = 1, JOB_COUNT do
        results:recv()
    end
    response:text(("%d jobs, %d at once"):format(JOB_COUNT, most))
end)

return { http = app }
