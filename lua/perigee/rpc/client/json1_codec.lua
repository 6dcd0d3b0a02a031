--- JSON-RPC 1.0 as Go's net/rpc/jsonrpc has it, for clients. Pure. Params are a list of the one
-- argument.
local failure = require "perigee.rpc.client.failure"
local json_codec = require "perigee.rpc.client.json_codec"
local json_values = require "perigee.rpc.json_values"
local null = require("perigee.json_encoder").null
local quote = require("perigee.json_encoder").quote
local remember = require "perigee.rpc.client.remember"

local codec = { framing = "json", has_notifications = false }

local quoted = remember(quote)

--- The argument of a call, for `put`.
-- @param options { args = type of perigee.rpc.types or nil } or nil
-- @return the text; or nil, "invalid", message
function codec.encode(_, args, options)
    if options.positional then
        return nil, "invalid", "Go's JSON-RPC has one argument; positional is for json and msgpack"
    elseif args == nil then
        return "null"
    end
    return json_values.encode(options.args, args, "args")
end

--- Appends a request.
function codec.put(_, out, number, method, body)
    out:put('{"method":', quoted(method), ',"params":[', body, '],"id":', number, "}\n")
end

local function take(answer, sink)
    local problem = answer.error
    if problem == nil or problem == null then
        local result = answer.result
        if result == null then
            result = nil
        end
        sink:answer(answer.id, result)
    elseif type(problem) == "string" then
        sink:answer_failure(answer.id, failure.of_text(problem))
    else
        sink:answer_failure(answer.id, failure.of_value(problem))
    end
end

--- Takes one message, and calls sink:answer(number, value), sink:answer_failure(number, { code =,
-- detail =, data = }), or sink:fail(code, detail) when the connection cannot go on.
function codec.read(_, text, sink)
    local answer, _, detail = json_values.read(text)
    if type(answer) == "table" and type(answer.id) == "number" then
        take(answer, sink)
    else
        sink:fail("invalid", detail or "a message is no answer of Go's JSON-RPC")
    end
end

codec.fit = json_codec.fit

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
