--- What a server may send to a client, in every protocol: its messages are answers with a known
-- shape, or the connection ends with a known code, and after that nothing more is said of it. And
-- what an HTTP server may answer to CONNECT, in whatever pieces.
-- Input: a byte that chooses the codec, then the messages; or the size of the pieces, then these.
local opening = require "perigee.rpc.client.opening"

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

local open_codes = { invalid = true, refused = true, too_large = true, closed = true }

local function check_opening(bytes, size)
    local position = 1
    local stream = {
        post = function() end,
        read = function()
            if position > #bytes then
                return nil, "eof"
            end
            position = position + size
            return bytes:sub(position - size, position - 1)
        end,
    }
    local is_open, code, detail = opening.ask(stream, "/path")
    assert(is_open or open_codes[code] and type(detail) == "string")
    -- What comes behind the answer may come later; of what was read the answer is the last.
    assert(not is_open or bytes:sub(1, position - 1):find("\n\r?\n$"))
end

return function(bytes)
    local choice = bytes:byte(1) or 0
    if choice >= 128 then
        return check_opening(bytes:sub(2), choice - 127)
    end
    choice = choice % 4
    -- As many values as the memory of one input has room for.
    codecs[choice].new(64 + 2 * #bytes):open():read(bytes:sub(2), setmetatable({}, sink))
end
