--- Arguments and replies of RPC calls as bytes, by protocol (host/rpc/rpc_call.h has the numbers):
--
--    codec.decode(method, bytes, call id, connection, definition count) → true, argument; or false
--    and a message
--    codec.encode(method, value) → bytes, numbers of gob types or nil; or nil, nil and a message
local copy = require "perigee.core.copy"
local host = require "host"
local lazy = require "perigee.core.lazy"
local types = require "perigee.rpc.types"

local gob = lazy "perigee.rpc.gob"

local json_values = lazy "perigee.rpc.json_values"

local msgpack = lazy "perigee.rpc.msgpack"

local GOB, JSON1, JSON2, MSGPACK, JSON, COPY = 1, 2, 3, 4, 5, 6

local null = require("perigee.json_encoder").null

local call_codecs = {}

-- A declared argument is filled in and checked.
local function fit(method, value)
    local wanted = method.args
    if not wanted then
        return true, value
    end
    value = types.complete(wanted, value)
    local is_fit, problem = types.check(wanted, value, "args")
    if not is_fit then
        return false, problem
    end
    return true, value
end

local gob_codec = {}
call_codecs[GOB] = gob_codec

-- The decoder of each connection, with how many definitions it has. Connections are not told when
-- they end, so the oldest are let go; they are made again from the connection's definitions.
local MAX_DECODERS = 1000
local decoders, known_counts, decoder_count = {}, {}, 0

local function decoder_of(id, connection, definition_count)
    local decoder = decoders[connection]
    if decoder and known_counts[connection] >= definition_count then
        return decoder
    end
    if not decoder then
        if decoder_count >= MAX_DECODERS then
            decoders, known_counts, decoder_count = {}, {}, 0
        end
        decoder = gob.decoder()
        decoders[connection], known_counts[connection] = decoder, 0
        decoder_count = decoder_count + 1
    end
    for _, message in ipairs(host.call_definitions(id, known_counts[connection]) or {}) do
        known_counts[connection] = known_counts[connection] + 1
        local is_ok, _, detail = decoder:define(message)
        if not is_ok then
            return nil, detail
        end
    end
    return decoder
end

function gob_codec.decode(method, bytes, id, connection, definition_count)
    local decoder, problem = decoder_of(id, connection, definition_count)
    if not decoder then
        return false, "gob: " .. problem
    end
    local value, code, detail = decoder:value(bytes)
    if code then
        return false, "gob: " .. detail
    end
    local is_fit, argument = fit(method, value)
    if not is_fit then
        return false, decoder:mismatch(method.args, bytes) or argument
    end
    problem = method.args and decoder:strangers(method.args, bytes)
    if problem then
        return false, problem
    end
    return true, argument
end

-- Encoders by the text of their type: methods of one service often share one.
local encoders = {}

-- Every definition has one number in the whole process.
local function number_all(encoder, text)
    local numbers = {}
    for i = 1, encoder.definition_count do
        local number, code = host.gob_type(text .. "#" .. i)
        if not number then
            return nil, ("the type %s is %s"):format(text, code == "full" and "one of too many"
                or "too large")
        end
        numbers[i] = number
    end
    for i, message in ipairs(encoder:define(numbers)) do
        assert(host.gob_define(numbers[i], message))
    end
    return numbers
end

local function encoder_of(found)
    local text = types.describe(found)
    local made = encoders[text]
    if not made then
        local encoder = gob.compile(found)
        local numbers, problem = number_all(encoder, text)
        if not numbers then
            return nil, problem
        end
        made = { encoder = encoder, numbers = numbers, types = numbers[1] and numbers or nil }
        encoders[text] = made
    end
    return made
end

-- What was not declared is looked at each time; a method that returns nothing sends true, which a
-- client that wants no reply drops.
local function encoder_for(method, value)
    if method.reply then
        return encoder_of(method.reply)
    end
    local found, _, problem = gob.infer(value, "reply")
    if not found then
        return nil, problem
    end
    return encoder_of(found)
end

function gob_codec.encode(method, value)
    local made = method.gob_encoder
    if value == nil and not method.reply then
        value = true
    end
    if not made then
        local problem
        made, problem = encoder_for(method, value)
        if not made then
            return nil, nil, problem
        end
        method.gob_encoder = method.reply and made or nil
    end
    local bytes, _, detail = made.encoder:encode(value, made.numbers)
    return bytes, made.types, detail
end

local function encode_json(method, value)
    if value == nil and not method.reply then
        return "null"
    end
    local bytes, _, problem = json_values.encode(method.reply, value, "reply")
    return bytes, nil, problem
end

-- JSON has fewer kinds of values than a declaration, so it tells what each stands for.
local function fit_json(method, value)
    local wanted = method.args
    if not wanted then
        return true, value
    elseif value == nil then
        return true, types.zero(wanted)
    end
    local fitting, _, problem = json_values.fit(wanted, value, "args")
    if problem then
        return false, problem
    end
    return true, types.complete(wanted, fitting)
end

-- Params of JSON-RPC are an array, of which one element is the argument and several are a list; in
-- 2.0 also an object, which is the argument.
local function argument_of(params)
    if type(params) == "table" and params[1] ~= nil and params[2] == nil then
        return params[1]
    end
    return params
end

local function decode_json(bytes)
    local value, _, problem = json_values.read(bytes)
    if value == nil then
        return false, problem
    end
    return true, value
end

-- A null leaves what is declared at its zero value, as in Go.
local function without_null(value)
    if value ~= null then
        return value
    end
end

local json1 = {}
call_codecs[JSON1] = json1

function json1.decode(method, bytes)
    if bytes == "" then
        return false, "jsonrpc: request body missing params"
    elseif bytes:byte() ~= 91 then
        return false, "json: cannot unmarshal object into Go value of type [1]interface {}"
    end
    local is_ok, params = decode_json(bytes)
    if not is_ok then
        return false, params
    end
    return fit_json(method, without_null(params[1]))
end

function json1.encode(method, value)
    -- A null result would end the connection of a client of Go.
    if value == nil then
        return "true"
    end
    return encode_json(method, value)
end

local json2 = {}
call_codecs[JSON2] = json2

function json2.decode(method, bytes)
    if bytes == "" then
        return fit_json(method, nil)
    end
    local is_ok, params = decode_json(bytes)
    if not is_ok then
        return false, params
    end
    return fit_json(method, without_null(argument_of(params)))
end

json2.encode = encode_json

local packed = {}
call_codecs[MSGPACK] = packed

-- An array of one begins so, and needs no table.
local ARRAY_OF_ONE = 0x91

function packed.decode(method, bytes)
    local is_one = bytes:byte() == ARRAY_OF_ONE
    local params, _, problem = msgpack.decode(bytes, nil, is_one and 2 or 1)
    if params == nil then
        return false, problem
    end
    return fit(method, without_null(is_one and params or argument_of(params)))
end

function packed.encode(method, value)
    if value == nil then
        value = null
    end
    local bytes, _, problem = msgpack.encode(value, method.reply, "reply")
    return bytes, nil, problem
end

local plain = { encode = encode_json }
call_codecs[JSON] = plain

function plain.decode(method, bytes)
    if bytes == "" then
        return fit_json(method, nil)
    end
    local is_ok, value = decode_json(bytes)
    if not is_ok then
        return false, value
    end
    return fit_json(method, without_null(value))
end

local copied = {}
call_codecs[COPY] = copied

function copied.decode(method, bytes)
    local value, code, detail = copy.decode(bytes)
    if code then
        return false, detail
    end
    return fit(method, value)
end

function copied.encode(method, value)
    if method.reply then
        local is_fit, problem = types.check(method.reply, value, "reply")
        if not is_fit then
            return nil, nil, problem
        end
    end
    local bytes, _, detail = copy.encode(value, "reply")
    return bytes, nil, detail
end

return call_codecs
