--- A peer over a byte stream: calls between two processes (perigee.core.peer, framed).
local frame = require "perigee.core.frame"
local peer = require "perigee.core.peer"

local stream_peer = {}

local function read_messages(self, control)
    local decoder = frame.decoder()
    local bytes = control:read()
    while bytes do
        decoder:push(bytes)
        local message = decoder:next()
        while message do
            self:receive(message)
            message = decoder:next()
        end
        bytes = control:read()
    end
    control:close()
end

--- Makes the peer on this side of `control`, with handlers as peer.new takes them. Returns it, and
-- a function that takes the messages of the other side, to be called in a task: it returns when the
-- stream has ended, and is closed.
function stream_peer.open(control, handlers)
    local self = peer.new({
        handlers = handlers,
        send = function(bytes)
            control:post(frame.encode(bytes))
        end,
    })
    return self, function()
        read_messages(self, control)
    end
end

return stream_peer
