--- What a server may send to a client, in every protocol: its messages are answers with a known
-- shape, or the connection ends with a known code, and after that nothing more is said of it.
-- Input: a byte that chooses the codec, then the messages.
local codecs = {
    [0] = require "perigee.rpc.client.gob_codec",
    require "perigee.rpc.client.msgpack_codec",
    require "perigee.rpc.client.json_codec",
    require "perigee.rpc.client.json1_codec",
}

local codes = { failed = true, not_found = true, invalid = true, timeout = true,
    unavailable = true }

local sink = {}

function sink:answer()
    assert(not self.has_failed)
end

function sink:answer_failure(_, failure)
    assert(not self.has_failed)
    assert(codes[failure.code] and type(failure.detail) == "string")
end

function sink:item(_, value)
    assert(not self.has_failed and value ~= nil)
end

function sink:fail(code, detail)
    assert(not self.has_failed)
    assert(code == "invalid" and type(detail) == "string")
    self.has_failed = true
end

sink.__index = sink

return function(bytes)
    local choice = (bytes:byte(1) or 0) % 4
    -- As many values as the memory of one input has room for.
    codecs[choice].new(64 + 2 * #bytes):open():read(bytes:sub(2), setmetatable({}, sink))
end
