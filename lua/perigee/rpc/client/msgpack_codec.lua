--- MessagePack-RPC for clients: requests [0, number, method, params], notifications [2, method,
-- params], answers [1, number, error, result]. Pure. Params are an array that holds the argument,
-- or nothing for nil.
--
-- Perigee's own, for streams: [3, number, method, params, credit] asks for items, each of which
-- comes as [4, number, item]; [5, number, credit] asks for more, [6, number] cancels; [7, number,
-- method, params, wait in microseconds, attempts before] is a request that says how long its caller
-- waits.
local failure = require "perigee.rpc.client.failure"
local msgpack = require "perigee.rpc.msgpack"
local notation = require "perigee.rpc.client.notation"
local null = require("perigee.json_encoder").null
local read = require "perigee.rpc.msgpack.reader"
local remember = require "perigee.rpc.client.remember"
local buffer = require "string.buffer"

local byte = string.byte

-- The array and the kind that messages of a server begin with.
local ANSWER = 0x94 * 256 + 1
local ITEM = 0x93 * 256 + 4
local NIL = 0xc0
local MAX_SPARE_SIZE = 65536

local codec = { framing = "msgpack", has_notifications = true, has_streams = true,
    fit = notation.fit, max_values = 1000000 }
local metatable = { __index = codec }

local pack = remember(msgpack.encode)

-- Taken while in use: a metamethod of an argument may make a call.
local spare

local function take_buffer()
    local out = spare or buffer.new()
    spare = nil
    return out:reset()
end

local function put_params(out, args, options)
    if args == nil or options.positional and next(args) == nil then
        out:put("\144")
        return true
    elseif not options.positional then
        out:put("\145")
    end
    return msgpack.append(out, args, options.args, "args")
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

local function put_hop(out, number, method, body, wait_s, previous, traceparent)
    out:put(traceparent and "\151\8" or "\150\7", pack(number), pack(method), body,
        (msgpack.encode(math.ceil(wait_s * 1e6))), pack(previous))
    if traceparent then
        out:put((msgpack.encode(traceparent)))
    end
end

--- Appends a request; a notification when `number` is nil.
-- @param wait_s how long its caller waits, 0 for no end, where that is to be told
-- @param previous and how many attempts there were before
-- @param traceparent and of which trace it is a part, or nil
function codec.put(_, out, number, method, body, wait_s, previous, traceparent)
    if wait_s then
        put_hop(out, number, method, body, wait_s, previous, traceparent)
    elseif number then
        out:put("\148\0", pack(number), pack(method), body)
    else
        out:put("\147\2", pack(method), body)
    end
end

--- Appends a call that asks for items.
function codec.put_stream(_, out, number, method, body, credit)
    out:put("\149\3", pack(number), pack(method), body, pack(credit))
end

--- Asks for so many items more.
function codec.put_credit(_, out, number, credit)
    out:put("\147\5", pack(number), pack(credit))
end

function codec.put_cancel(_, out, number)
    out:put("\146\6", pack(number))
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

-- Takes the rest of an item, and returns the position behind it.
local function read_item(bytes, position, sink)
    local number, item
    number, position = read(bytes, position, state, 1)
    item, position = read(bytes, position, state, 1)
    sink:item(number, item)
    return position
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

local function read_all(bytes, sink, max_values)
    local position, size = 1, #bytes
    while position <= size do
        local head, kind = byte(bytes, position, position + 1)
        head = head * 256 + (kind or 0)
        state.values_left = max_values
        if head == ANSWER then
            position = read_answer(bytes, position + 2, sink)
        elseif head == ITEM then
            position = read_item(bytes, position + 2, sink)
        else
            fail "a message is no answer of MessagePack-RPC"
        end
    end
end

--- Takes whole messages, and calls sink:answer(number, value), sink:answer_failure(number, {
-- code =, detail =, data = }), sink:item(number, value), or sink:fail(code, detail) when the
-- connection cannot go on.
function codec.read(self, bytes, sink)
    local is_ok, problem = pcall(read_all, bytes, sink, self.max_values)
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
    -- @param max_values of one message, 1,000,000 by default
    new = function(max_values)
        return max_values and setmetatable({ max_values = max_values }, metatable) or codec
    end,
}
