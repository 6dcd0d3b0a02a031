-- A chat room: what one says, all in the room hear. Any WebSocket client can enter, such as
-- python3 -m websockets ws://127.0.0.1:8080/chat/room
--
-- $ curl -s http://127.0.0.1:8080/chat
-- 0 in the room
--
-- $ curl -s http://127.0.0.1:8080/chat/room
-- {"error":"this is a WebSocket: ask for an upgrade"}
local http = require "perigee.http"
local perigee = require "perigee"

local INBOX_SIZE = 16
local TRY_AGAIN_LATER = 1013

local members, count = {}, 0 -- socket -> what it is still to be told

-- Who does not read is not waited for.
local function say(text)
    for socket, inbox in pairs(members) do
        if perigee.select { { inbox, "send", text }, default = true } == "default" then
            socket:close(TRY_AGAIN_LATER, "too slow")
        end
    end
end

local function talk(socket, inbox)
    local is_open = true
    while is_open do
        perigee.select {
            { socket, function()
                local text = socket:receive()
                is_open = text ~= nil
                if text then
                    say(text)
                end
            end },
            { inbox, "recv", function(text) socket:send(text) end },
        }
    end
end

local app = http.router()

app:get("/", function()
    return ("%d in the room"):format(count)
end)

app:websocket("/room", function(socket)
    local inbox = perigee.chan(INBOX_SIZE)
    members[socket], count = inbox, count + 1
    talk(socket, inbox)
    members[socket], count = nil, count - 1
end)

-- One room for all, whichever worker they come to.
return { http = app, replicas = 1 }
