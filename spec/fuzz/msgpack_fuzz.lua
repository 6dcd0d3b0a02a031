--- perigee.rpc.msgpack: values or known codes; a value is encoded and decoded to as many bytes, and
-- each of its beginnings is incomplete.
local msgpack = require "perigee.rpc.msgpack"

local function check_value(bytes, value, size)
    local encoded, code = msgpack.encode(value)
    if not encoded then
        assert(code == "invalid")
        return
    end
    -- Maps have no order, so that the bytes may be others.
    local again = msgpack.decode(encoded)
    assert(again ~= nil and type(again) == type(value))
    assert(#assert(msgpack.encode(again)) == #encoded)
    for cut = math.max(1, size - 8), size - 1 do
        local part, part_code = msgpack.decode_next(bytes:sub(1, cut), 1)
        assert(part == nil and part_code == "incomplete")
    end
end

return function(bytes)
    local max_values = 64 + 2 * #bytes
    local value, following, detail = msgpack.decode_next(bytes, 1, max_values)
    if value ~= nil then
        assert(following >= 2 and following <= #bytes + 1)
        check_value(bytes, value, following - 1)
        return
    end
    assert(following == "incomplete" or following == "malformed" or following == "too_large")
    assert(type(detail) == "string")
    if following ~= "incomplete" then
        assert(select(2, msgpack.decode_next(bytes .. "\192\192\192", 1, max_values)) == following)
    end
end
