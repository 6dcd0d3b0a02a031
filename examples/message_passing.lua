-- Two tasks and a channel: one sends, the other receives until the channel is closed.
--
-- $ curl -s http://127.0.0.1:8080/message_passing
-- message 1, message 2, message 3, then closed
local http = require "perigee.http"
local perigee = require "perigee"

local function produce(messages, count)
    for i = 1, count do
        messages:send("message " .. i)
    end
    messages:close()
end

local app = http.router()

app:get("/", function(_, response)
    local messages = perigee.chan()
    perigee.go(produce, messages, 3)
    local received = {}
    for message in messages do
        received[#received + 1] = message
    end
    response:text(table.concat(received, ", ") .. ", then closed")
end)

return { http = app }
