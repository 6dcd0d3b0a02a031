--- The span of a call that the running task makes, when what it works at is traced.
local spans = require "perigee.core.spans"

local call_span = {}

local current = spans.current

-- The caller went away, or another attempt came first: nobody's fault.
local IS_NO_FAILURE = { canceled = true }

local function finish(span, value, code, detail, data)
    if value == nil and code ~= nil then
        span:set("error.type", code)
        if not IS_NO_FAILURE[code] then
            span:fail(detail or code)
        end
    end
    spans.finish(span)
    return value, code, detail, data
end

--- Returns fn(a, b, c, d, traceparent), within a span when there is one to be a part of; without
-- one traceparent is nil.
-- @param name "Service.Method"
function call_span.around(name, fn, a, b, c, d)
    local parent = current()
    if not parent then
        return fn(a, b, c, d)
    end
    local service, method = name:match("^(.*)%.([^.]*)$")
    local span = spans.begin(service and service .. "/" .. method or name, "client", parent)
    span:set("rpc.system", "perigee"):set("rpc.method", method or name)
    if service then
        span:set("rpc.service", service)
    end
    return finish(span, fn(a, b, c, d, (spans.headers_of(span))))
end

return call_span
