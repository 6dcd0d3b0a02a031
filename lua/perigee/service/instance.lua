--- One service in one generation, inside its isolate: requests come straight from the host, orders
-- from the worker (perigee.service.operations). What only orders need is loaded for them and let
-- go again, because a host may have thousands of services that do nothing.
local event = require "perigee.core.event"
local host = require "host"
local lazy = require "perigee.core.lazy"
local log_settings = require "perigee.core.log_settings"
local modules = require "perigee.core.modules"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"
local task_record = require "perigee.core.task_record"
local timers = require "perigee.core.timers"
local trace_settings = require "perigee.core.trace_settings"
local worker_link = require "perigee.core.worker_link"

local deadlines = lazy "perigee.service.deadlines"
local exchange = lazy "perigee.service.exchange"
local http_server = lazy "perigee.http.server"
local http_websocket = lazy "perigee.http.websocket"
local request_trace = lazy "perigee.service.request_trace"
local websocket = lazy "perigee.service.websocket"

-- How long after the last order its modules are let go.
local RELEASE_S = 0.05

-- A full collection takes a millisecond for each megabyte or so, and nothing cuts it. A larger heap
-- is left to the collector that goes in steps while nobody has work (host/isolate/runner.c).
local SMALL_HEAP_SIZE = 1024 * 1024

-- The least status of HTTP that says that a service has failed.
local LEAST_FAULT = 500

-- Shared with perigee.service.operations.
local state = {
    service = nil,        -- what the script returned
    server = nil,         -- the perigee.http.server over it, made at the first request
    server_options = nil,
    in_flight = 0,        -- requests and calls, those that wait for their turn too
    admission = nil,      -- perigee.service.admission, when the limits say who may begin
    methods = nil,        -- what RPC calls find, by "Service.Method"; see perigee.rpc.method
    sockets = {},         -- WebSockets: exchange -> transport; they are not in flight
    socket_count = 0,
    lost_socket_count = 0, -- given up because they did not answer a ping
    websocket_ping_s = 0,
    close_code = nil,     -- what every WebSocket was told, and those still to come are
    successor = nil,      -- or the isolate they go to
    is_leaving = false,   -- the host goes: no stream of events goes on
    drains = {},          -- { task =, wait_id = } of each who waits for any of these to end
    peer = nil,           -- to the worker, while there is something to say
    shedding = false,     -- perigee.service.shedding, when who is late is refused under overload
    slow_wait_s = 0,      -- waits longer than this are told of; 0 for none
    own_timer_count = 0,  -- timers that end no wait of the service
    loaded = {},          -- modules of the service's own, by name
    loading = {},
}

--- Whoever waits for something to end looks whether this was it.
function state.on_idle()
    local drains = state.drains
    if drains[1] then
        state.drains = {}
        for _, drain in ipairs(drains) do
            scheduler.wake(drain.task, drain.wait_id, true)
        end
    end
end

-- Calls fn() later, by a timer that is not the service's.
local function set_timer(delay_s, fn)
    state.own_timer_count = state.own_timer_count + 1
    return scheduler.at(host.now() + delay_s, function()
        state.own_timer_count = state.own_timer_count - 1
        fn()
    end)
end

log_settings.after = set_timer

local is_looked_at = false

--- For perigee.service.stuck: when to look next.
function state.look_again(delay_s)
    is_looked_at = true
    set_timer(delay_s, function()
        is_looked_at = false
    end)
end

-- A timer for the next look at waits that last is set; the last one was in this turn.
local is_watching, has_watched = false, false

local function watch(delay_s)
    if delay_s then
        is_watching = true
        set_timer(delay_s, function()
            is_watching, has_watched = false, true
            watch(require("perigee.service.stuck").warn_of_slow(state))
        end)
    end
end

-- After a look that found nobody there is no other until something has happened, so that a service
-- whose tasks rest is not woken again and again. Who began to wait in the turn of that look counts.
local function watch_waits()
    local is_own_turn = has_watched
    has_watched = false
    if is_watching or state.slow_wait_s == 0 then
        return
    elseif is_own_turn then
        watch(require("perigee.service.stuck").next_look(state))
    elseif scheduler.live_count() > 0 then
        watch(state.slow_wait_s)
    end
end

-- What somebody outside waits for may wait for ever, when no timer of the service is set.
scheduler.on_idle = function()
    watch_waits()
    return not is_looked_at and (state.in_flight > 0 or state.peer and state.peer:is_busy())
        and timers.count() == state.own_timer_count
        and require("perigee.service.stuck").look(state)
end

function scheduler.on_cut(...)
    require("perigee.service.overrun").take(...)
end

scheduler.on_failure = function(...)
    require("perigee.failure").report(...)
end

--- A request or call is over, or has become a WebSocket: the next may begin.
function state.end_turn()
    if state.admission then
        state.admission:release()
    end
end

-- It may last for days, and nothing that waits for requests waits for it.
function state.on_websocket(asked, transport)
    state.in_flight = state.in_flight - 1
    asked.is_websocket, asked.begun_at = true, timers.turn_started
    state.end_turn()
    state.sockets[asked] = transport
    state.socket_count = state.socket_count + 1
    if state.close_code then
        transport:leave(state.close_code, state.successor)
    end
    state.on_idle()
end

local function on_request_finished(task, is_ok, failure, traceback)
    local asked = task.site
    task.site = false
    if asked.hop then
        deadlines.finish(asked)
    end
    if asked.is_websocket then
        if state.sockets[asked].is_lost then
            state.lost_socket_count = state.lost_socket_count + 1
        end
        state.sockets[asked] = nil
        state.socket_count = state.socket_count - 1
    elseif not asked.is_left then
        state.in_flight = state.in_flight - 1
        state.end_turn()
    end
    if not is_ok then
        -- The server guards its handler, so this task was ended by the host: nobody has answered
        -- for it.
        local reason = state.server_options.is_developing
            and ("%s\n\n%s\n"):format(failure, traceback)
            or "The service was stopped while it worked on this request.\n"
        if not asked:respond(503, "Content-Type: text/plain; charset=utf-8\r\n", reason) then
            asked:cut()
        end
        task.name = asked:title()
        scheduler.on_failure(task, failure, traceback)
        request_trace.finish_ended(asked, task, failure, traceback)
    end
    state.on_idle()
end

local function nothing_mounted()
    return require("perigee.http").error(404, "this service serves no HTTP")
end

local function answer_late(asked)
    asked:respond(504, "Content-Type: text/plain; charset=utf-8\r\n",
        "The deadline of the request has passed.\n")
end

--- When the new work that was taken last had come.
function state.came_at()
    return scheduler.now() - host.event_delay()
end

--- Whether what has come then is refused before it begins, because the service is overloaded.
function state.is_late(came_at)
    local now = scheduler.now()
    local is_late = state.shedding:is_late(now - came_at, now)
    if is_late then
        quotas.count("shed", "the service is overloaded")
    end
    return is_late
end

-- Whether it comes too late, and was told so.
local function has_refused(asked)
    if state.shedding and state.is_late(asked.came_at) then
        asked:respond(503, "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n",
            "The service is overloaded.\n")
        return true
    end
    local hop = asked.hop
    return hop and not deadlines.begin(state, asked, hop.deadline, hop.previous_attempts,
        answer_late)
end

local function answer(asked)
    if has_refused(asked) then
        return
    end
    local server = state.server
    if not server then
        server = http_server.new(state.service.http or nothing_mounted, state.server_options)
        state.server = server
        exchange.set_owner(state)
    end
    if trace_settings.sample > 0 or asked.traceparent then
        request_trace.draw(asked)
    end
    local status, pattern = server:dispatch(asked)
    if asked.span or status >= LEAST_FAULT
        or timers.turn_started - asked.started_at >= trace_settings.slow_s then
        request_trace.finish(asked, status, pattern)
    end
end

local request_kind = task_record.kind("request", answer, on_request_finished)

local function begin_request(asked)
    scheduler.start(request_kind, asked, asked)
end

local function admit_request(asked)
    local is_admitted = state.admission:admit(begin_request, asked, function(status, why, after_s)
        state.in_flight = state.in_flight - 1
        asked:respond(status, ("Content-Type: text/plain; charset=utf-8\r\nRetry-After: %d\r\n")
            :format(after_s), why .. ".\n")
    end)
    if is_admitted then
        begin_request(asked)
    end
end

scheduler.on_event(event.REQUEST, function(...)
    local asked = exchange.new(...)
    if state.shedding then
        asked.came_at = state.came_at()
    end
    state.in_flight = state.in_flight + 1
    if state.admission then
        admit_request(asked)
    else
        scheduler.start(request_kind, asked, asked)
    end
end)

-- A WebSocket of the generation before this one.
local function resume(asked, passed)
    http_websocket.resume(asked, passed, state)
end

local websocket_kind = task_record.kind("websocket", resume, on_request_finished)

scheduler.on_event(event.RESUME, function(id, _, bytes)
    local passed = websocket.unpack(bytes)
    local asked = exchange.resume(id, unpack(passed.line, 1, passed.line.count))
    exchange.set_owner(state)
    scheduler.start(websocket_kind, asked, asked, passed)
    state.in_flight = state.in_flight + 1
end)

scheduler.on_event(event.CALL, function(id)
    require("perigee.service.calls").take(state, id)
end)

function worker_link.call(op, body, timeout_s)
    return require("perigee.service.operations").call(state, op, body, timeout_s)
end

local release_timer

local function release()
    release_timer = nil
    if state.peer and state.peer:is_busy() then
        release_timer = set_timer(RELEASE_S, release)
        return
    end
    state.peer = nil
    for _, name in ipairs(require("perigee.service.operations").MODULES) do
        modules[name] = nil
    end
    if host.heap_size() < SMALL_HEAP_SIZE then
        collectgarbage()
    end
end

scheduler.on_event(event.MESSAGE, function(_, _, bytes)
    require("perigee.service.operations").receive(state, bytes)
    release_timer = release_timer or set_timer(RELEASE_S, release)
end)

return true
