--- Servers that a spec plays itself: whatever connects in this process gets one end of a socket
-- pair, and the spec the other.
local assert = require "luassert"
local perigee = require "perigee"
local stream = require "perigee.core.stream"

local rpc_peer = {}

local methods = {}
local metatable = { __index = methods }

local READ_S = 20

local connect = stream.connect
local barrier

-- What was written before this is with its reader when it returns: the loop looks at all sockets
-- together.
local function pass_barrier()
    barrier.near:post("x")
    assert(barrier.far:read(perigee.now() + READ_S))
    perigee.sleep(0)
end

local function pair()
    local near, descriptor = assert(stream.pair())
    return near, assert(stream.adopt(descriptor))
end

--- Takes the place of every server from now on.
function rpc_peer.start()
    local self = setmetatable({ arrived = perigee.chan(16), dial_count = 0, failure = nil,
        write_count = 0, open = {} }, metatable)
    barrier = {}
    barrier.near, barrier.far = pair()
    function stream.connect(place)
        self.place, self.dial_count = place, self.dial_count + 1
        if self.failure then
            return nil, self.failure
        end
        local near, far = pair()
        self.open[#self.open + 1] = far
        self.arrived:send(far)
        return near
    end
    return self
end

--- Lets go of it all.
function methods:stop()
    stream.connect = connect
    for _, far in ipairs(self.open) do
        far:close()
    end
    barrier.near:close()
    barrier.far:close()
end

--- The next connection, once a client has made it.
function methods:accept()
    local far = self.arrived:recv()
    return far
end

--- Waits for exactly `bytes`.
function rpc_peer.expect(far, bytes)
    local text = far.rest or ""
    while #text < #bytes do
        text = text .. assert(far:read(perigee.now() + READ_S))
    end
    far.rest = text:sub(#bytes + 1)
    assert.equal(bytes, text:sub(1, #bytes))
end

--- Sends `bytes` in pieces of `size` bytes, each of which its reader sees by itself.
function rpc_peer.trickle(far, bytes, size)
    for position = 1, #bytes, size do
        far:post(bytes:sub(position, position + size - 1))
        pass_barrier()
    end
end

--- Returns when everything that was sent before has been read.
rpc_peer.settle = pass_barrier

return rpc_peer
