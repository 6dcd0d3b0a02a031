--- perigee.rpc.gob: a stream of messages gives values or known codes, and what is decoded and has a
-- type that can be told is encoded, and decoded to a value again.
-- Input: a stream as it is on the wire.
local gob = require "perigee.rpc.gob"
local scalars = require "perigee.rpc.gob.scalars"

local codes = { malformed = true, too_large = true }

local function check_failure(code, detail)
    assert(codes[code], code)
    assert(type(detail) == "string")
end

local function check_value(value)
    local found = gob.infer(value)
    if not found then
        return
    end
    local encoder, decoder, numbers = gob.compile(found), gob.decoder(), {}
    for i = 1, encoder.definition_count do
        numbers[i] = 64 + i
    end
    for _, body in ipairs(encoder:define(numbers)) do
        assert(decoder:define(body))
    end
    local body, code = encoder:encode(value, numbers)
    if body then
        local again, failure = decoder:value(body)
        assert(failure == nil and type(again) == type(value))
    else
        assert(code == "invalid")
    end
end

local function take(decoder, body)
    local is_integer, id = pcall(scalars.int, body, 1)
    if not decoder:is_incomplete() and is_integer and id < 0 then
        local is_defined, code, detail = decoder:define(body)
        return is_defined or check_failure(code, detail)
    end
    local value, code, detail = decoder:piece(body)
    assert(decoder:is_incomplete() == (code == "incomplete"))
    if code == "incomplete" then
        return true
    elseif code then
        return check_failure(code, detail)
    end
    check_value(value)
    return true
end

return function(bytes)
    -- As many values as the memory of one input has room for.
    local decoder = gob.decoder(64 + 2 * #bytes)
    local position = 1
    while position <= #bytes do
        local is_text, body, following = pcall(scalars.string, bytes, position)
        if not is_text then
            check_failure(body.code, body.detail)
            return
        elseif not take(decoder, body) then
            return
        end
        position = following
    end
end
