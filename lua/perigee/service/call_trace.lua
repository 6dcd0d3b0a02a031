--- The span of an RPC call that a service answers: made when somebody asks for it, or at the end of
-- one that is kept.
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.trace_settings"
local spans = require "perigee.core.spans"

local call_trace = {}

--- Begins the trace of a call that came at `started`.
-- @param traceparent what its caller says, or nil
function call_trace.open(started, traceparent)
    return spans.begin_trace("RPC", "server", started, traceparent)
end

--- Begins the trace of a call in the task that answers it, when its caller tells of one or chance
-- chooses it. Returns its span, or nil.
function call_trace.draw(started, traceparent)
    local is_drawn = not traceparent and spans.is_drawn()
    if not settings.is_on or not (traceparent or is_drawn) then
        return nil
    end
    local span = call_trace.open(started, traceparent)
    span.trace.is_sampled = span.trace.is_sampled or is_drawn
    spans.enter(scheduler.current(), span)
    return span
end

local function describe(span, name)
    local service, method = name:match("^(.*)%.([^.]*)$")
    span.name = service and service .. "/" .. method or name
    span:set("rpc.system", "perigee"):set("rpc.method", method or name)
    if service then
        span:set("rpc.service", service)
    end
end

--- Ends the span of what `task` answered.
-- @param name "Service.Method", or nil when there is no such method
-- @param fault what its method raised, or why it was ended; what a method returns as an error is no
-- fault of the service
function call_trace.finish(task, span, name, fault)
    describe(span, name or "?")
    if fault then
        span:fail(fault):event("exception", { ["exception.message"] = fault })
    end
    spans.finish(span)
    spans.leave(task)
end

return call_trace
