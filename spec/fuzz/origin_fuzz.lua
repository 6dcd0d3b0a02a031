--- The field in which one worker tells another who has asked: whatever the client is called, it is
-- one field, and read as it was written.
-- Input: its values, a line feed between them; and the same as a field.
local origin = require "perigee.service.origin"

local function values_of(bytes)
    local values = {}
    for value in (bytes .. "\n"):gmatch("([^\n]*)\n") do
        values[#values + 1] = value ~= "" and value or nil
    end
    return values
end

local function exchange_of(values)
    return {
        peer = function() return values[1], values[2] end,
        tls = function() return values[3], values[4], values[5], values[6] end,
        version = function() return values[7] and "1.0" or "1.1" end,
        field = function() return values[8] end,
        fields = function() return { "A", "1", "PERIGEE-origin", "made up", "B", "2" } end,
    }
end

local function check_round(values)
    local text = origin.encode(exchange_of(values))
    assert(not text:find("[^%w%%,._~-]"))
    local host, port, version, cipher, name, subject = origin.decode(text)
    local wanted_port = tonumber(values[2] or "")
    assert(host == values[1] and (port == wanted_port or port ~= port))
    assert(version == values[3] and cipher == values[4])
    assert(name == values[5] and subject == values[6])
    assert(origin.version(text) == (values[7] and "1.0" or "1.1"))
    assert(origin.has_host(text) == (not values[7] or values[8] ~= nil))
    assert(#origin.restore({ "Host", "x", origin.FIELD, text }, text) <= 2)
    local fields = origin.fields(exchange_of(values))
    assert(#fields == 6 and fields[5] == origin.FIELD and fields[6] == text)
end

return function(bytes)
    for i = 1, 6 do
        local value = select(i, origin.decode(bytes))
        assert(value == nil or type(value) == (i == 2 and "number" or "string"))
    end
    assert(type(origin.has_host(bytes)) == "boolean" and origin.version(bytes))
    check_round(values_of(bytes))
end
