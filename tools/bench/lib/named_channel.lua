-- The service named a receives; b sends and says how long a message took. Served twice, under both
-- names, which have their homes in different workers when there are two.
local http = require "perigee.http"
local perigee = require "perigee"

local name = ...
local messages = perigee.channel("messages", { capacity = 1024 })
local done = perigee.channel("done")

local function receive_all()
    local count, last = 0, 0
    for message in messages do
        count = count + 1
        last = message.last or last
        if count == last then
            done:send(count)
            count, last = 0, 0
        end
    end
end

if name == "a" then
    perigee.go(receive_all)
end

local app = http.router()

app:get("/:count", function(request)
    local count = tonumber(request.params.count)
    local began = perigee.now()
    for number = 1, count do
        messages:send({ number = number, last = number == count and count or nil })
    end
    done:recv()
    return ("%.0f"):format((perigee.now() - began) / count * 1e9)
end)

return { http = app, replicas = 1 }
