-- Work handed from one service to another: this one takes jobs, job_worker.lua does them. What is
-- queued belongs to neither, so both can be saved again meanwhile and no job is lost.
--
-- $ curl -d 'paint the fence' http://127.0.0.1:8080/job_queue
-- "paint the fence" is queued.
-- $ curl http://127.0.0.1:8080/job_worker
-- I do what I was told: paint the fence
local http = require "perigee.http"
local perigee = require "perigee"

local jobs = perigee.channel("jobs", { capacity = 100 })
local app = http.router()

app:post("/", function(request)
    local text = assert(request:body())
    jobs:send({ text = text }) -- waits while a hundred others wait
    return ('"%s" is queued.'):format(text)
end)

return { http = app }
