--- One call that another worker takes: the request that carries it, and the records it is answered
-- with (host/bind/call_framing.h). Arguments, items and results pass as the bytes they are.
local frame = require "perigee.core.frame"
local json = require "perigee.json"

local call_records = {}

local TARGET = "/rpc"

local UNAVAILABLE = -32002

--- The request that makes the call there: { method=, target=, fields=, body= }.
-- @param takes_items whether the caller takes items
function call_records.request(protocol, method, argument, takes_items)
    local fields = {
        "Content-Type", "application/octet-stream",
        "Perigee-Protocol", tostring(protocol),
        "Perigee-Method-Size", tostring(#method),
        "Perigee-Items", takes_items and "1" or "0",
    }
    return { method = "POST", target = TARGET, fields = fields, body = method .. argument }
end

local kinds = {}

function kinds.i(handlers, content)
    return handlers.item(content)
end

function kinds.r(handlers, content)
    handlers.result(content, false)
    return true
end

function kinds.e(handlers, content)
    handlers.result(content, true)
    return true
end

function kinds.f(handlers, content)
    local failure = json.decode(content) or {}
    local data = failure.data ~= nil and json.encode(failure.data) or nil
    handlers.failure(failure.error or "perigee: no answer", failure.code or UNAVAILABLE, data)
    return true
end

--- Reads records: returns a function that takes the next bytes, and returns true; or nil and a code
-- when no more are wanted.
-- @param handlers { item(bytes) → true | nil, code; result(bytes, whether items came before it);
-- failure(message, code, JSON text or nil) }
function call_records.reader(handlers)
    local decoder = frame.decoder()
    return function(bytes)
        decoder:push(bytes)
        local record = decoder:next()
        while record do
            local take = kinds[record:sub(1, 1)]
            local is_taken, code = take(handlers, record:sub(2))
            if not is_taken then
                return nil, code
            end
            record = decoder:next()
        end
        return true
    end
end

return call_records
