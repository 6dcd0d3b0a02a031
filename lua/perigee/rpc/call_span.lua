--- The span of a call that the running task makes, when what it works at is traced.
local scheduler = require "perigee.core.scheduler"
local spans = require "perigee.core.spans"

local call_span = {}

local current, now = spans.current, scheduler.now

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

local function begin(name, parent, started)
    local service, method = name:match("^(.*)%.([^.]*)$")
    local span = spans.begin(service and service .. "/" .. method or name, "client", parent,
        started)
    span:set("rpc.system", "perigee"):set("rpc.method", method or name)
    if service then
        span:set("rpc.service", service)
    end
    return span
end

-- Shorter ones explain nothing, and would cost more than the call.
local LEAST_S = 0.001

local function look_back(name, parent, started, value, code, ...)
    if value == nil and code ~= nil or now() - started >= LEAST_S then
        return finish(begin(name, parent, started), value, code, ...)
    end
    return value, code, ...
end

--- The same as `around` for calls that stay on this host, which may take a microsecond: within a
-- trace that is not sampled only what was slow or has failed becomes a span.
function call_span.around_local(name, fn, a, b, c, d)
    local parent = current()
    if not parent or parent.trace.is_sampled then
        return call_span.around(name, fn, a, b, c, d)
    end
    return look_back(name, parent, now(), fn(a, b, c, d, spans.root_header(parent.trace)))
end

--- Returns fn(a, b, c, d, traceparent), within a span when there is one to be a part of; without
-- one traceparent is nil.
-- @param name "Service.Method"
function call_span.around(name, fn, a, b, c, d)
    local parent = current()
    if not parent then
        return fn(a, b, c, d)
    end
    local span = begin(name, parent)
    return finish(span, fn(a, b, c, d, (spans.headers_of(span))))
end

return call_span
