--- The span of a request that a service answers: made when somebody asks for it, or at the end of
-- one that is kept.
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.trace_settings"
local spans = require "perigee.core.spans"

local request_trace = {}

local KNOWN_METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true,
    DELETE = true, OPTIONS = true, CONNECT = true, TRACE = true }

local LEAST_FAULT, UNAVAILABLE = 500, 503

--- Begins the trace of what `asked` (perigee.service.exchange) asks for.
function request_trace.open(asked)
    local traceparent = asked:field("traceparent")
    local tracestate = traceparent and asked:field("tracestate")
    local span = spans.begin_trace("HTTP", "server", asked.started_at, traceparent, tracestate)
    asked.span = span
    return span
end

--- The number that a request goes by in the log: the id of its span.
function request_trace.request_id()
    local span = spans.current()
    return span and spans.id_of(spans.root_of(span)) or spans.new_id()
end

--- Begins the trace of a request at once when its caller wants it recorded; or when chance chooses
-- it and it begins here. Called in the task that answers it.
function request_trace.draw(asked)
    local is_drawn = spans.is_drawn()
    if settings.is_on and (asked.traceparent or is_drawn) then
        local span = request_trace.open(asked)
        if not span.trace.parent_id then
            span.trace.is_sampled = is_drawn
        end
        spans.enter(scheduler.current(), span)
    end
end

-- The pattern with the mount before it; nil when no route was found.
local function route_of(asked, pattern)
    if not pattern or asked.mount == "/" then
        return pattern
    end
    return asked.mount .. (pattern == "/" and "" or pattern)
end

local function describe(span, asked, status, pattern)
    local method = KNOWN_METHODS[asked.method] and asked.method or "_OTHER"
    local route = route_of(asked, pattern)
    span.name = (method == "_OTHER" and "HTTP" or method) .. (route and " " .. route or "")
    span:set("http.request.method", method):set("url.path", asked.path)
        :set("url.scheme", settings.scheme):set("http.response.status_code", status)
    if route then
        span:set("http.route", route)
    end
    if method == "_OTHER" then
        span:set("http.request.method_original", asked.method)
    end
end

local function judge(span, asked, status)
    if asked.failure then
        span:fail(asked.failure.message)
        span:event("exception", { ["exception.message"] = asked.failure.message,
            ["exception.stacktrace"] = asked.failure.traceback })
    elseif status >= LEAST_FAULT and not span.error then
        span:fail("HTTP " .. status)
    end
    if span.error then
        span:set("error.type", tostring(status))
    end
end

local function finish(asked, status, pattern)
    local span = asked.span or request_trace.open(asked)
    describe(span, asked, status, pattern)
    judge(span, asked, status)
    span.answered = asked.begun_at
    spans.finish(span)
end

--- Ends it.
-- @param pattern of the route, or nil
function request_trace.finish(asked, status, pattern)
    if settings.is_on then
        finish(asked, status, pattern)
        spans.leave(scheduler.current())
    end
end

--- The same for a request whose task was ended by the host.
function request_trace.finish_ended(asked, task, failure, traceback)
    if settings.is_on then
        asked.failure = { message = tostring(failure), traceback = traceback }
        finish(asked, UNAVAILABLE)
    end
    spans.leave(task)
end

return request_trace
