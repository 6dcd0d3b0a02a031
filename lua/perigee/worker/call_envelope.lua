--- Calls between workers: the same protocols as outside, so that an argument and a result pass as
-- the bytes they are. What is wrapped is one request, which POST /rpc of the other worker takes.
local json = require "perigee.json"
local msgpack = require "perigee.rpc.msgpack"
local scalars = require "perigee.rpc.gob.scalars"

local call_envelope = {}

local GOB, JSON1, JSON2, MSGPACK = 1, 2, 3, 4

local TEXT, BINARY = "application/json", "application/octet-stream"

local INTERNAL_ERROR = -32603

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

local function wrap_json(method, argument)
    local params = argument ~= "" and ',"params":' .. argument or ""
    return '{"jsonrpc":"2.0","method":' .. json.encode(method) .. params .. ',"id":1}'
end

local RESULT_BEGIN, RESULT_END = '{"jsonrpc":"2.0","result":', ',"id":1}\n'

local function unwrap_json(bytes, is_version_1)
    if bytes:sub(1, #RESULT_BEGIN) ~= RESULT_BEGIN then
        local failure = (json.decode(bytes) or {}).error or {}
        local data = failure.data ~= nil and json.encode(failure.data) or nil
        return nil, failure.message or "perigee: no answer", failure.code, data
    end
    local result = bytes:sub(#RESULT_BEGIN + 1, -#RESULT_END - 1)
    return result == "null" and is_version_1 and "true" or result
end

local function wrap_msgpack(method, argument)
    return "\148\0\1" .. msgpack.encode(method) .. argument
end

local function unwrap_msgpack(bytes)
    local failure, position = msgpack.decode_next(bytes, 4)
    if failure ~= json.null then
        return nil, tostring(failure), INTERNAL_ERROR
    end
    return bytes:sub(position)
end

--- Returns the path, the Content-Type and the body of the request; nothing for a protocol that does
-- not come from outside.
-- @param definitions those of the call's connection, for gob
function call_envelope.wrap(protocol, method, argument, definitions)
    if protocol == GOB then
        return "/rpc", BINARY, wrap_gob(method, argument, definitions)
    elseif protocol == JSON1 or protocol == JSON2 then
        return "/rpc", TEXT, wrap_json(method, argument)
    elseif protocol == MSGPACK then
        return "/rpc", BINARY, wrap_msgpack(method, argument)
    end
    return "/rpc/" .. method, TEXT, argument
end

-- The code of a status, see host/bind/http_call.c.
local CODES = { [400] = -32602, [404] = -32601, [500] = INTERNAL_ERROR, [503] = -32002,
    [504] = -32001 }

local function unwrap_plain(status, bytes)
    if status == 200 then
        return bytes
    end
    local failure = json.decode(bytes) or {}
    local data = failure.data ~= nil and json.encode(failure.data) or nil
    return nil, failure.error or "perigee: no answer", CODES[status], data
end

--- Returns the result's bytes and, for gob, the numbers of its types; or nil, message, code, data.
-- @param define called with the number and the definition of each type that comes with it
function call_envelope.unwrap(protocol, status, bytes, define)
    if protocol ~= GOB and protocol ~= MSGPACK and protocol ~= JSON1 and protocol ~= JSON2 then
        return unwrap_plain(status, bytes)
    elseif status ~= 200 then
        return nil, "perigee: the other worker does not answer", -32002
    elseif protocol == GOB then
        return unwrap_gob(bytes, define)
    elseif protocol == MSGPACK then
        return unwrap_msgpack(bytes)
    end
    return unwrap_json(bytes, protocol == JSON1)
end

return call_envelope
