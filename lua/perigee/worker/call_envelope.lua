--- Calls of gob between workers: each is a connection of its own, with the definitions of types
-- that stood before it, which POST /rpc of the other worker takes. Other calls are in
-- perigee.worker.call_records.
local scalars = require "perigee.rpc.gob.scalars"

local call_envelope = {}

local INTERNAL_ERROR, UNAVAILABLE = -32603, -32002

-- A Request under a number that no client will come to: 2^20.
local REQUEST_ID = "\253\32\0\0"
local REQUEST_TYPE = "\253\31\255\255\3\1\2" .. REQUEST_ID
    .. "\0\1\2\1\13ServiceMethod\1\12\0\1\3Seq\1\6\0\0\0"

-- The number of the type of all headers of answers (host/rpc/gob_types.h).
local RESPONSE_TYPE = 65

local char, floor = string.char, math.floor

-- An unsigned integer of gob.
local function uint(value)
    if value < 128 then
        return char(value)
    end
    local bytes = ""
    while value > 0 do
        bytes = char(value % 256) .. bytes
        value = floor(value / 256)
    end
    return char(256 - #bytes) .. bytes
end

local function sized(bytes)
    return uint(#bytes) .. bytes
end

local function wrap_gob(method, argument, definitions)
    local messages = {}
    for i, definition in ipairs(definitions) do
        messages[i] = sized(definition)
    end
    return table.concat(messages) .. sized(REQUEST_TYPE)
        .. sized(REQUEST_ID .. "\1" .. sized(method) .. "\0") .. sized(argument)
end

-- The error in the header of an answer, which begins at `start`; nil without one. It has no number,
-- because that of the request was 0.
local function error_of(message, start)
    return message:byte(start) ~= 0 and scalars.string(message, start + 1) or nil
end

-- The messages of a stream, one after the other: id, body, and where in it the id ends.
local function each_message(bytes)
    local position = 1
    return function()
        if position > #bytes then
            return nil
        end
        local size, first = scalars.uint(bytes, position)
        local message = bytes:sub(first, first + size - 1)
        position = first + size
        local id, start = scalars.int(message, 1)
        return id, message, start
    end
end

local function collect(numbers, number, message, define)
    if number ~= RESPONSE_TYPE then
        numbers[#numbers + 1] = number
        define(number, message)
    end
end

local function unwrap_gob(bytes, define)
    local numbers, failure, has_header = {}, nil, false
    for id, message, start in each_message(bytes) do
        if id == RESPONSE_TYPE then
            failure, has_header = error_of(message, start), true
        elseif id < 0 then
            collect(numbers, -id, message, define)
        elseif failure then
            return nil, failure, INTERNAL_ERROR
        elseif has_header then
            return message, numbers[1] and numbers or nil
        end
    end
    return nil, "perigee: the answer of the other worker is cut short", INTERNAL_ERROR
end

--- The request that makes the call there: { method=, target=, fields=, body= }.
-- @param definitions those of the call's connection
function call_envelope.request(method, argument, definitions)
    return { method = "POST", target = "/rpc", body = wrap_gob(method, argument, definitions),
        fields = { "Content-Type", "application/octet-stream", "Perigee-Protocol", "1" } }
end

--- Returns the result's bytes and the numbers of its types; or nil, message, code.
-- @param define called with the number and the definition of each type that comes with it
function call_envelope.unwrap(status, bytes, define)
    if status ~= 200 then
        return nil, "perigee: the other worker does not answer", UNAVAILABLE
    end
    return unwrap_gob(bytes, define)
end

return call_envelope
