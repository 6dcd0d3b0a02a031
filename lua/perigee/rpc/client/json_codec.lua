--- JSON-RPC 2.0 for clients. Pure. An object as argument is the params, by name; anything else is
-- the one param of a list.
local failure = require "perigee.rpc.client.failure"
local json_values = require "perigee.rpc.json_values"
local null = require("perigee.json_encoder").null
local quote = require("perigee.json_encoder").quote
local timeout_text = require "perigee.core.lazy" "perigee.resilience.timeout_text"
local remember = require "perigee.rpc.client.remember"

local NO_ANSWER = "a message is no answer of JSON-RPC 2.0"

local codec = { framing = "json", has_notifications = true }

local quoted = remember(quote)

--- The params of a call, for `put`.
-- @param options { args = type of perigee.rpc.types or nil, positional = whether args is a list of
-- params } or nil
-- @return the text; or nil, "invalid", message
function codec.encode(_, args, options)
    if args == nil then
        return ""
    elseif options.positional and next(args) == nil then
        return ',"params":[]'
    end
    local text, code, detail = json_values.encode(options.args, args, "args")
    if not text then
        return nil, code, detail
    end
    local is_params = options.positional or text:byte() == 123
    return is_params and ',"params":' .. text or (',"params":[%s]'):format(text)
end

--- Appends a request; a notification when `number` is nil.
-- @param wait_s how long its caller waits, 0 for no end, where that is to be told
-- @param previous and how many attempts there were before
-- @param traceparent and of which trace it is a part, or nil
function codec.put(_, out, number, method, body, wait_s, previous, traceparent)
    out:put('{"jsonrpc":"2.0","method":', quoted(method), body)
    if wait_s and wait_s > 0 then
        out:put(',"perigee-timeout":"', timeout_text.format(wait_s), '"')
    end
    if previous and previous > 0 then
        out:put(',"perigee-previous-attempts":', previous)
    end
    if traceparent then
        out:put(',"traceparent":"', traceparent, '"')
    end
    if number then
        out:put(',"id":', number)
    end
    out:put("}\n")
end

local function without_null(value)
    if value ~= null then
        return value
    end
end

-- Returns what is wrong with the answer, or nil.
local function take(answer, sink)
    local problem = without_null(answer.error)
    local is_numbered = type(answer.id) == "number"
    if is_numbered and problem ~= nil then
        sink:answer_failure(answer.id, failure.of_value(problem))
    elseif is_numbered and answer.result ~= nil then
        sink:answer(answer.id, without_null(answer.result))
    elseif type(problem) == "table" then
        return "the server did not understand: " .. failure.of_value(problem).detail
    else
        return NO_ANSWER
    end
end

--- Takes one message, and calls sink:answer(number, value), sink:answer_failure(number, { code =,
-- detail =, data = }), or sink:fail(code, detail) when the connection cannot go on.
function codec.read(_, text, sink)
    local answer, _, detail = json_values.read(text)
    local problem
    if type(answer) ~= "table" or answer.jsonrpc ~= "2.0" then
        problem = detail or NO_ANSWER
    else
        problem = take(answer, sink)
    end
    if problem then
        sink:fail("invalid", problem)
    end
end

--- Makes a reply of its declared type out of what JSON has held.
function codec.fit(wanted, value)
    return json_values.fit(wanted, value == nil and null or value, "reply")
end

--- The codec of a connection.
function codec.open(self)
    return self
end

return {
    fit = codec.fit,
    --- The codec of a client.
    new = function()
        return codec
    end,
}
