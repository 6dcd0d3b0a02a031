--- RPC calls of one service: each is a task that decodes its argument, runs the method and answers.
local call_codecs = require "perigee.service.call_codecs"
local call_info = require "perigee.service.call_info"
local context = require "perigee.core.context"
local event = require "perigee.core.event"
local host = require "host"
local lazy = require "perigee.core.lazy"
local membership = require "perigee.core.membership"
local raised = require "perigee.core.raised"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.call_settings"
local task_record = require "perigee.core.task_record"
local timers = require "perigee.core.timers"
local trace_settings = require "perigee.core.trace_settings"

local call_items = lazy "perigee.service.call_items"
local deadlines = lazy "perigee.service.deadlines"
local call_trace = lazy "perigee.service.call_trace"
local json = lazy "perigee.json"
local log = lazy "perigee.log"

local OWN_FILE = debug.getinfo(1, "S").short_src

local calls = {}

local SAMPLED = {} -- the bytes that the flags of a traceparent end with
for digit in ("13579bdf"):gmatch(".") do
    SAMPLED[digit:byte()] = true
end

local METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32601, -32602, -32603
local COPY = 6
local SERVICE_ERROR, DEADLINE_EXCEEDED, UNAVAILABLE = -32000, -32001, -32002

-- Calls of one such share of the timeout have their deadline in common, so that a call costs no
-- timer.
local DEADLINE_SHARE = 1 / 64

local state             -- of perigee.service.instance
local tasks = {}        -- number of a call -> its task
local ids = {}          -- the other way round
local timed = {}        -- number of a call -> true: perigee.service.deadlines knows of it
local started_at = {}   -- the task of a call -> when it began
local opened = {}       -- and its span, if there is one
local callers = {}      -- and the traceparent of its caller, in a trace that is not sampled
local faults = {}       -- and what its method raised
local came_at = {}      -- number of a call -> when it came, while an overload would be shed
local call_count = 0
local site = {}         -- of the tasks of calls
local shared, shared_until = nil, 0 -- the context of calls that begin now
local hurried           -- the same of those whose callers wait for less

-- A table with a message, returned or raised, is meant for the caller.
local function is_failure(value)
    return type(value) == "table" and type(value.message) == "string"
end

local catch = raised.catcher(is_failure)

-- An error of error() begins with the place in the script, which is the log's business.
local function without_place(text)
    return (text:gsub("^[^\n:]*%.lua:%d+: ", ""))
end

local function fail_with(id, failure)
    local data = failure.data ~= nil and json.try_encode(failure.data) or nil
    host.call_fail(id, failure.message, tonumber(failure.code) or SERVICE_ERROR, data)
end

local function fail_raised(id, method, caught)
    if is_failure(caught) then
        fail_with(id, caught)
        return
    end
    local text, traceback = raised.describe(caught, OWN_FILE)
    log.error(text, { method = method.service .. "." .. method.name, traceback = traceback })
    faults[tasks[id]] = text
    host.call_fail(id, without_place(text), INTERNAL_ERROR)
end

local function reply(id, method, codec, value)
    local bytes, numbers, problem = codec.encode(method, value)
    if not bytes then
        log.error(problem, { method = method.service .. "." .. method.name })
        host.call_fail(id, problem, INTERNAL_ERROR)
        return
    end
    host.call_reply(id, bytes, numbers, method.is_stream)
end

local function conclude(id, method, codec, is_returned, value, reason)
    if not is_returned then
        fail_raised(id, method, value)
    elseif value ~= nil or reason == nil then
        reply(id, method, codec, value)
    elseif is_failure(reason) then
        fail_with(id, reason)
    else
        host.call_fail(id, raised.text(reason), SERVICE_ERROR)
    end
end

local function fail_late(id)
    host.call_fail(id, "perigee: the deadline of the call has passed", DEADLINE_EXCEEDED)
end

-- Who asks waits no longer than that, and says so when it has given up. Calls that come from one
-- call of theirs have their deadline in common.
local function hurry(deadline)
    local task = scheduler.current()
    local within = task.context
    if within.reason or within.ends_at and within.ends_at <= deadline then
        return
    elseif not hurried or hurried.parent ~= within or hurried.ends_at ~= deadline then
        hurried = context.with_kept_deadline(within, deadline)
    end
    membership.move(task, hurried)
end

-- An answer that has begun may go on for as long as its caller likes.
local function serve_items(call, list, method, codec, argument)
    local task = scheduler.current()
    local id = ids[task]
    if not list and task.context == shared then
        membership.move(task, context.background())
    end
    local is_returned, value, reason = xpcall(method.run, catch, argument, call)
    local problem = list and call_items.problem(list, method)
    if problem then
        host.call_fail(id, problem, SERVICE_ERROR)
    elseif list and is_returned and (value ~= nil or reason == nil) then
        reply(id, method.list, codec, list)
    else
        conclude(id, method, codec, is_returned, value, reason)
    end
end

-- A service of this host says itself when it has given up; others may be gone by then. Returns
-- whether there is time left.
local function keep_deadline(id, protocol, deadline, previous_attempts)
    if protocol == COPY and deadline and deadline > host.now() then
        hurry(deadline)
        deadline = nil
    end
    if not deadline and previous_attempts == 0 then
        return true
    end
    timed[id] = true
    return deadlines.begin(state, id, deadline, previous_attempts, fail_late)
end

local function is_shed(id)
    local is_late = came_at[id] and state.is_late(came_at[id])
    came_at[id] = nil
    if is_late then
        host.call_fail(id, "perigee: the service is overloaded, call again later", UNAVAILABLE)
    end
    return is_late
end

-- Of a trace that is not sampled there is a span only when somebody asks for it, or when it is
-- kept.
local function draw_trace(id, traceparent)
    if traceparent and not SAMPLED[traceparent:byte(-1)] then
        callers[tasks[id]] = traceparent
    elseif traceparent or trace_settings.sample > 0 then
        local task = tasks[id]
        opened[task] = call_trace.draw(started_at[task], traceparent)
    end
end

-- Returns the method, for the trace.
local function serve(id)
    local protocol, name, bytes, connection, definition_count, deadline, takes_items,
        previous_attempts, traceparent = host.call_request(id)
    if not protocol or is_shed(id) then
        return
    elseif (deadline or previous_attempts > 0)
        and not keep_deadline(id, protocol, deadline, previous_attempts) then
        return
    end
    draw_trace(id, traceparent)
    local method, codec = state.methods[name], call_codecs[protocol]
    if not method then
        host.call_fail(id, "rpc: can't find method " .. name, METHOD_NOT_FOUND)
        return
    end
    method.metric = method.metric or host.metric_route(name)
    host.call_route(id, method.metric)
    local is_fit, argument = codec.decode(method, bytes, id, connection, definition_count)
    if not is_fit then
        host.call_fail(id, argument, INVALID_PARAMS)
        return
    end
    local call = call_info(method, id, protocol)
    if method.is_stream then
        local list = call_items.open(call, id, method, codec, takes_items)
        serve_items(call, list, method, codec, argument)
    else
        conclude(id, method, codec, xpcall(method.run, catch, argument, call))
    end
    return method
end

local function name_of(method)
    return method and method.service .. "." .. method.name
end

local function is_slow(method, began)
    return method and not method.is_stream
        and timers.turn_started - began >= trace_settings.slow_s
end

-- What a task returned stays in its field `a`.
local function finish_trace(task, name)
    local method = name == nil and task.a or nil
    local span, began, fault = opened[task], started_at[task], faults[task]
    local caller = callers[task]
    started_at[task], opened[task], faults[task], callers[task] = nil, nil, nil, nil
    if trace_settings.is_on and (span or fault or is_slow(method, began)) then
        span = span or call_trace.open(began, caller)
        call_trace.finish(task, span, name or name_of(method), fault)
    end
end

local function stop(task, id, failure, traceback)
    local _, name = host.call_request(id)
    task.name = site.title(nil, task, id)
    host.call_fail(id, "perigee: the call was stopped: " .. tostring(failure), INTERNAL_ERROR)
    scheduler.on_failure(task, failure, traceback)
    faults[task] = tostring(failure)
    return name or "?"
end

-- A task that was ended by the host has not answered.
local function finish(task, is_ok, failure, traceback)
    local id = ids[task]
    ids[task], tasks[id], came_at[id] = nil, nil, nil
    if timed[id] then
        timed[id] = nil
        deadlines.finish(id)
    end
    call_count = call_count - 1
    state.in_flight = state.in_flight - 1
    state.end_turn()
    finish_trace(task, not is_ok and stop(task, id, failure, traceback) or nil)
    state.on_idle()
end

local call_kind = task_record.kind("call", serve, finish)

-- The timers of such a context: its own, and the one that answers for it. They bring no call any
-- further, so they do not count as the service's.
local DEADLINE_TIMERS = 2

-- Whoever still works gets no answer out any more; its waits end.
local function expire(ended)
    state.own_timer_count = state.own_timer_count - DEADLINE_TIMERS
    for id, task in pairs(tasks) do
        if task.context == ended or task.context.parent == ended then
            fail_late(id)
        end
    end
end

local function context_of_calls()
    local timeout_s = settings.timeout_s
    local now = host.now()
    if timeout_s == 0 then
        return nil
    elseif now >= shared_until then
        shared_until = now + timeout_s * DEADLINE_SHARE
        shared = context.with_deadline(context.background(), shared_until + timeout_s)
        scheduler.at(shared_until + timeout_s, expire, shared)
        state.own_timer_count = state.own_timer_count + DEADLINE_TIMERS
    end
    return shared
end

--- What a call is named in reports.
function site.title(_, task, id)
    local _, name = host.call_request(id or ids[task])
    return "call of " .. (name or "a caller that is gone")
end

--- Begins its span, see perigee.core.spans.
function site.open_span(_, task)
    opened[task] = call_trace.open(started_at[task], callers[task])
    return opened[task]
end

--- The number of the call that a live task answers.
function calls.id_of(task)
    return ids[task]
end

local function begin(id)
    local task = scheduler.start(call_kind, site, id, nil, context_of_calls())
    tasks[id], ids[task], started_at[task] = task, id, timers.turn_started
end

local function admit(id)
    local is_admitted = state.admission:admit(begin, id, function(_, why)
        call_count = call_count - 1
        state.in_flight = state.in_flight - 1
        came_at[id] = nil
        host.call_fail(id, "perigee: " .. why .. ", call again later", UNAVAILABLE)
    end)
    if is_admitted then
        begin(id)
    end
end

--- Takes the call with this number; called outside of tasks.
function calls.take(of_instance, id)
    state = of_instance
    if call_count >= settings.max_count then
        host.call_fail(id, "perigee: the service has too many calls in flight, call again later",
            UNAVAILABLE)
        return
    end
    call_count = call_count + 1
    state.in_flight = state.in_flight + 1
    if state.shedding then
        came_at[id] = state.came_at()
    end
    if state.admission then
        admit(id)
    else
        begin(id)
    end
end

scheduler.on_event(event.CALL_ABANDONED, function(id)
    local task = tasks[id]
    if task then
        context.cancel_task(task)
    end
end)

return calls
