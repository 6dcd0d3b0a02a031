-- The other end of job_queue.lua.
--
-- $ curl http://127.0.0.1:8080/job_worker
-- There is nothing to do.
local http = require "perigee.http"
local perigee = require "perigee"

local jobs = perigee.channel("jobs", { capacity = 100 })
local app = http.router()

app:get("/", function()
    local _, job = perigee.select { { jobs, "recv" }, default = true }
    if not job then
        return "There is nothing to do."
    end
    return ("I do what I was told: %s"):format(job.text)
end)

return { http = app }
