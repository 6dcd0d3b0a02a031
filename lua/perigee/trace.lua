--- `perigee.trace`: spans of a service's own, see docs/tracing.md.
--
--    local trace = require "perigee.trace"
--
--    local receipt = trace.span("charge the card", function(span)
--        span:set("order", order.id)
--        return charge(order)
--    end)
local scheduler = require "perigee.core.scheduler"
local spans = require "perigee.core.spans"

local trace = {}

local function check(name, fn, what, level)
    if type(name) ~= "string" or type(fn) ~= "function" then
        error(("%s takes a name and a function, got %s and %s"):format(what, type(name), type(fn)),
            level + 1)
    end
end

local function current_task(what)
    return scheduler.current() or error(what .. " must be called inside a task", 3)
end

local function leave(task, span, before, is_ok, ...)
    spans.enter(task, before)
    if not is_ok then
        span:fail((...))
    end
    spans.finish(span)
    if not is_ok then
        error((...), 0)
    end
    return ...
end

-- Calls fn(span, ...) with `span` as what the task works at.
local function run(task, span, fn, ...)
    local before = spans.enter(task, span)
    return leave(task, span, before, pcall(fn, span, ...))
end

-- A trace that begins in this task; chance chooses whether it is sampled.
local function begin_trace(name, kind, carried)
    local span = spans.begin_trace(name, kind, nil, carried)
    if not span.trace.parent_id then
        span.trace.is_sampled = spans.is_drawn()
    end
    return span
end

--- Calls fn(span, ...) within a span of this name, and returns what it returns. It is a part of the
-- span of the running task, or begins a trace where there is none. An error fails the span, and
-- goes on. `span` has the methods set(name, value), event(name, attributes) and fail(reason).
function trace.span(name, fn, ...)
    check(name, fn, "trace.span", 2)
    local task = current_task("trace.span")
    local parent = spans.current()
    local span = parent and spans.begin(name, "internal", parent) or begin_trace(name, "internal")
    return run(task, span, fn, ...)
end

--- The span of the running task, such as that of its request; nil when there is none.
function trace.current()
    return spans.current()
end

--- The number of the trace that the running task works at, 32 hexadecimal digits; nil for none.
function trace.id()
    local span = spans.current()
    return span and spans.trace_id_of(span)
end

--- Notes that something is handed over, such as a message for a named channel, and returns a text
-- to go with it, a W3C traceparent: what trace.continue takes. Nil when nothing is traced.
-- @param name what is handed over
function trace.carry(name)
    if type(name) ~= "string" then
        error(("trace.carry takes a name, got %s"):format(type(name)), 2)
    end
    local parent = spans.current()
    if not parent then
        return nil
    end
    local span = spans.begin(name, "producer", parent)
    spans.finish(span)
    return (spans.headers_of(span))
end

--- Calls fn(span, ...) as trace.span does, as a part of the trace that `carried` came from,
-- whatever the running task works at.
-- @param carried what trace.carry returned, there; a trace of its own begins where that is nil
function trace.continue(carried, name, fn, ...)
    if carried ~= nil and type(carried) ~= "string" then
        error(("trace.continue takes what trace.carry returned, got %s"):format(type(carried)), 2)
    end
    check(name, fn, "trace.continue", 2)
    local task = current_task("trace.continue")
    return run(task, begin_trace(name, "consumer", carried), fn, ...)
end

return trace
