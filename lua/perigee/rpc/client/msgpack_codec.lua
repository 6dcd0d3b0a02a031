--- MessagePack-RPC for clients: requests [0, number, method, params], notifications [2, method,
-- params], answers [1, number, error, result]. Pure. Params are an array that holds the argument,
-- or nothing for nil.
local failure = require "perigee.rpc.client.failure"
local msgpack = require "perigee.rpc.msgpack"
local notation = require "perigee.rpc.client.notation"
local null = require("perigee.json_encoder").null
local read = require "perigee.rpc.msgpack.reader"
local remember = require "perigee.rpc.client.remember"
local buffer = require "string.buffer"

local byte = string.byte

local ANSWER_HEAD, ANSWER = 0x94, 1
local NIL = 0xc0
local MAX_VALUES = 1000000
local MAX_SPARE_SIZE = 65536

local codec = { framing = "msgpack", has_notifications = true, fit = notation.fit }

local pack = remember(msgpack.encode)

-- Taken while in use: a metamethod of an argument may make a call.
local spare

local function take_buffer()
    local out = spare or buffer.new()
    spare = nil
    return out:reset()
end

local function put_params(out, args, options)
    if args == nil then
        out:put("\144")
        return true
    end
    out:put("\145")
    return msgpack.append(out, args, options and options.args, "args")
end

--- The params of a call, for `put`. What it returns is good until the next encode.
-- @param options { args = type of perigee.rpc.types or nil } or nil
-- @return the body; or nil, "invalid", message
function codec.encode(_, args, options)
    local out = take_buffer()
    local is_ok, code, detail = put_params(out, args, options)
    if #out <= MAX_SPARE_SIZE then
        spare = out
    end
    if not is_ok then
        return nil, code, detail
    end
    return out
end

--- Appends a request; a notification when `number` is nil.
function codec.put(_, out, number, method, body)
    if number then
        out:put("\148\0", pack(number), pack(method), body)
    else
        out:put("\147\2", pack(method), body)
    end
end

-- Servers that are no Perigee may send any value as an error.
local function failure_of(problem)
    if type(problem) == "string" then
        return failure.of_text(problem)
    end
    return failure.of_value(problem)
end

local state = { values_left = 0 }

local function fail(detail)
    error({ code = "malformed", detail = detail }, 0)
end

-- Takes the rest of an answer, and returns the position behind it.
local function read_answer(bytes, position, sink)
    local number, problem, result
    number, position = read(bytes, position, state, 1)
    if byte(bytes, position) == NIL then
        result, position = read(bytes, position + 1, state, 1)
        if result == null then
            result = nil
        end
        sink:answer(number, result)
        return position
    end
    problem, position = read(bytes, position, state, 1)
    sink:answer_failure(number, failure_of(problem))
    return select(2, read(bytes, position, state, 1))
end

local function read_all(bytes, sink)
    local position, size = 1, #bytes
    while position <= size do
        local head, kind = byte(bytes, position, position + 1)
        if head ~= ANSWER_HEAD or kind ~= ANSWER then
            fail "a message is no answer of MessagePack-RPC"
        end
        state.values_left = MAX_VALUES
        position = read_answer(bytes, position + 2, sink)
    end
end

--- Takes whole messages, and calls sink:answer(number, value), sink:answer_failure(number, {
-- code =, detail =, data = }), or sink:fail(code, detail) when the connection cannot go on.
function codec.read(_, bytes, sink)
    local is_ok, problem = pcall(read_all, bytes, sink)
    if is_ok then
        return
    elseif type(problem) ~= "table" then
        error(problem, 0)
    end
    sink:fail("invalid", problem.detail)
end

--- The codec of a connection.
function codec.open(self)
    return self
end

return {
    --- The codec of a client.
    new = function()
        return codec
    end,
}
