--- A WebSocket's opening handshake: refused with a status there is, or agreed on in lines of its
-- own.
-- Input: Upgrade, Connection, the version, the key, Origin, protocols and extensions, a line feed
-- between them.
local handshake = require "perigee.http.websocket_handshake"

local NAMES = { "upgrade", "connection", "sec-websocket-version", "sec-websocket-key", "origin",
    "sec-websocket-protocol", "sec-websocket-extensions" }
local OPTIONS = { protocols = { "v2", "v1" }, origins = { "https://a.example" },
    compression = true }
local STATUSES = { [400] = true, [403] = true, [426] = true }

local function request_of(bytes)
    local fields, i = { host = "a.example" }, 0
    for value in (bytes .. "\n"):gmatch("([^\n]*)\n") do
        i = i + 1
        if NAMES[i] and value ~= "" then
            fields[NAMES[i]] = value
        end
    end
    return {
        method = "GET",
        version = "1.1",
        header = function(_, name) return fields[name] end,
    }
end

local function check_bits(bits)
    assert(bits == nil or bits >= 9 and bits <= 15 and bits % 1 == 0)
end

local function check_agreed(agreed)
    assert(agreed.protocol == nil or agreed.protocol == "v1" or agreed.protocol == "v2")
    local rest = agreed.lines:gsub("[%w-]+: [^\r\n]*\r\n", "")
    assert(rest == "")
    if agreed.deflate then
        assert(agreed.deflate.is_compressed)
        check_bits(agreed.deflate.output_window_bits)
    end
end

return function(bytes)
    local request = request_of(bytes)
    local agreed, status, message = handshake.answer(request, OPTIONS, function(key)
        assert(#key == 24)
        return "accepted"
    end)
    if agreed then
        check_agreed(agreed)
    else
        assert(STATUSES[status] and type(message) == "string")
    end
    local deflate, text = handshake.choose_deflate(bytes)
    assert((deflate == nil) == (text == nil))
    check_bits(deflate and deflate.output_window_bits)
end
