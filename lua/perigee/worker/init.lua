--- A worker: runs isolates of services and serves HTTP, as its supervisor says over the control
-- stream. It decides nothing about which generation is live; it tells what happened and does as it
-- is told.
local cut = require "perigee.core.cut"
local event = require "perigee.core.event"
local forward = require "perigee.worker.forward"
local forward_call = require "perigee.worker.forward_call"
local generation = require "perigee.worker.generation"
local host = require "host"
local host_methods = require "perigee.worker.host_methods"
local instances = require "perigee.worker.instances"
local log = require "perigee.log"
local log_control = require "perigee.worker.log_control"
local memory = require "perigee.worker.memory"
local parallel = require "perigee.core.parallel"
local profile = require "perigee.worker.profile"
local routing = require "perigee.worker.routing"
local scheduler = require "perigee.core.scheduler"
local servers = require "perigee.worker.servers"
local stream = require "perigee.core.stream"
local stream_peer = require "perigee.core.stream_peer"
local trace_relay = require "perigee.worker.trace_relay"

local worker = {}

-- The descriptors a worker inherits.
worker.CONTROL_FD, worker.HTTP_FD, worker.MESH_FD, worker.PULSE_FD = 3, 4, 5, 6
worker.SHARED_FD, worker.RPC_FD, worker.METRICS_FD, worker.FIRST_BELL_FD = 7, 8, 9, 10

-- Ctrl-C reaches every process of a terminal. The supervisor alone decides what becomes of it.
local SIGNALS_OF_THE_SUPERVISOR = { 1, 2, 15 }

-- The servers of either.
local CLIENTS, WORKERS = { "http", "rpc" }, { "mesh" }

-- Close codes of WebSockets (RFC 6455 7.4, and its registry).
local GOING_AWAY, SERVICE_RESTART = 1001, 1012

local STATUS_TIMEOUT_S, HEALTH_TIMEOUT_S, DESCRIBE_TIMEOUT_S = 0.2, 1, 5

local settings
local supervisor       -- the peer
local generations = {} -- service -> number -> generation
local active = {}      -- service -> number of the generation that gets requests here

local function find(service, number)
    return generations[service] and generations[service][number]
end

local function list_generations()
    local list = {}
    for _, of_service in pairs(generations) do
        for _, one in pairs(of_service) do
            list[#list + 1] = one
        end
    end
    return list
end

local function forget(service, number)
    local of_service = generations[service]
    if of_service then
        of_service[number] = nil
        if next(of_service) == nil then
            generations[service] = nil
        end
    end
end

local function discard(service, number, reason)
    local candidate = find(service, number)
    forget(service, number)
    if candidate then
        candidate:close(reason or "the generation was discarded")
    end
end

local function tell_of_cut(old, counts)
    local title = cut.title(counts)
    if title then
        local fields = cut.fields(counts, "")
        fields.generation = old.number
        log.event(old.service, "warn", title .. " were cut at the drain deadline", fields)
    end
end

-- WebSockets go on in the generation that has taken over, where that can resume them.
local function retire(old, drain_s)
    local successor = active[old.service] and find(old.service, active[old.service])
    local can_resume = successor and successor.manifest.has_resume
    old:close_sockets(SERVICE_RESTART, can_resume and successor or nil)
    local counts = old:retire(drain_s, settings.stop_timeout_s)
    forget(old.service, old.number)
    tell_of_cut(old, counts)
    supervisor:notify("retired", { service = old.service, generation = old.number })
end

-- Its heap is given back, and the supervisor loads the service again.
local function restart(one, reason)
    log.event(one.service, "error", "the isolate broke and was closed: " .. reason,
        { generation = one.number })
    discard(one.service, one.number, reason)
    routing.refresh()
    supervisor:notify("broken", { service = one.service, generation = one.number,
        message = reason })
end

local handlers = {}

--- body = { slot=, slice_ms=, log=, ... }: what every worker is told once.
function handlers.configure(body)
    settings = body
    log_control.configure(body.service.log, body.slot)
    if body.confinement then
        assert(host.confine(body.confinement.readable, body.confinement.writable))
    end
    local is_preemptive = host.start_watchdog(body.slice_ms)
    host.deflate_limit(body.http.max_compressed)
    assert(host.metric_arena_map(worker.METRICS_FD, body.metrics_size, body.metrics_series))
    if body.shared_size > 0 then
        assert(host.shared_memory_map(worker.SHARED_FD, body.shared_size))
        assert(host.hear_bells(worker.FIRST_BELL_FD, body.worker_count, body.slot - 1))
    end
    routing.configure({ find_local = find, system_handle = host.handle() })
    forward.configure(body.mesh_addresses)
    if body.memory_size > 0 then
        memory.watch(body.memory_size, { list_generations = list_generations, restart = restart,
            exit = function() host.exit(1) end })
    end
    return { pid = host.pid(), is_preemptive = is_preemptive }
end

-- It lives as long as the generation, so it holds on to no more than it needs.
local function module_fetcher(service, number)
    return function(name)
        local file, _, detail = supervisor:call("module",
            { service = service, generation = number, name = name })
        return file, detail
    end
end

--- body = { service=, generation=, source=, chunk=, memory_size=, policy= } -> manifest
function handlers.load(body)
    local candidate, message = generation.open({
        service = body.service,
        number = body.generation,
        path = body.chunk,
        memory_size = body.memory_size,
        readable = body.policy.grants.read,
        cpu_warning_s = settings.cpu_warning_s, cpu_budget_s = settings.cpu_budget_s,
        fetch_module = module_fetcher(body.service, body.generation),
    })
    if not candidate then
        return nil, message
    end
    generations[body.service] = generations[body.service] or {}
    generations[body.service][body.generation] = candidate
    local manifest, _, detail = candidate:call("load", {
        name = body.service,
        source = body.source,
        chunk = body.chunk,
        settings = settings.service,
        policy = body.policy,
    }, settings.load_timeout_s)
    if not manifest then
        discard(body.service, body.generation, detail)
        return nil, detail
    end
    candidate.manifest = manifest
    if manifest.memory_size then
        candidate:limit_memory(manifest.memory_size)
    end
    if manifest.cpu_s then
        candidate:limit_cpu(manifest.cpu_s)
    end
    return manifest
end

-- Requests wait while the old generation finishes what it has, gives its state away, and the new
-- one takes it.
local function hand_over(candidate, old)
    routing.hold(candidate.service)
    old:call("drain", nil, settings.hand_over_s)
    local state, _, detail = old:call("save", nil, settings.stop_timeout_s)
    if not state then
        return nil, detail
    end
    return candidate:call("start", { saved = state.saved }, settings.load_timeout_s)
end

--- body = { service=, generation= }: runs start(), with the state of the generation that is live
-- here if that has save().
function handlers.start(body)
    local candidate = find(body.service, body.generation)
    if not candidate then
        return nil, "the generation is gone"
    end
    local old = active[body.service] and find(body.service, active[body.service])
    local is_ok, code, detail
    if old and old.manifest.has_save then
        is_ok, code, detail = hand_over(candidate, old)
    else
        is_ok, code, detail = candidate:call("start", {}, settings.load_timeout_s)
    end
    if not is_ok then
        discard(body.service, body.generation, detail)
        routing.release(body.service)
        return nil, detail or code
    end
    return true
end

--- body = { service=, generation= }: another worker failed; this one keeps what it has.
function handlers.discard(body)
    discard(body.service, body.generation)
    routing.release(body.service)
    return true
end

-- Another generation, or none, has the requests from now on. One that did not change may be in the
-- middle of a hand-over of its own, and stays held.
local function replace(service, number)
    routing.release(service)
    local old = find(service, number)
    if old then
        local drain_s = old.manifest.drain_s or settings.drain_s
        scheduler.spawn(retire, old, drain_s).name = "retire " .. service
    end
end

--- body = { list of routing entries, drain_s = service -> seconds }: the switch.
function handlers.route(body)
    local live = {}
    for _, entry in ipairs(body.entries) do
        if entry.kind == "local" then
            live[entry.service] = entry.generation
        end
    end
    local before = active
    active = live
    routing.replace(body.entries)
    for service, number in pairs(before) do
        if live[service] ~= number then
            replace(service, number)
        end
    end
    return true
end

--- Starts to accept connections. Asking again changes nothing.
function handlers.open()
    return servers.open({ http = worker.HTTP_FD, mesh = worker.MESH_FD, rpc = worker.RPC_FD },
        settings)
end

--- body = options of host.set_tls: what new connections of clients get from now on.
function handlers.set_tls(body)
    settings.tls = body
    return servers.set_tls(body, settings.is_rpc_secured)
end

--- body = { drain_s=, is_upgrade= }: no new connections; waits until those there are have
-- their answers. Other workers may still send requests on to this one.
function handlers.drain(body)
    local deadline = host.now() + body.drain_s
    servers.drain(CLIENTS)
    for _, one in ipairs(list_generations()) do
        one:leave(body.is_upgrade and SERVICE_RESTART or GOING_AWAY)
    end
    servers.await_closed(CLIENTS, deadline)
    return true
end

--- body = { drain_s= }: every service finishes, runs its stop() and is closed. Answers what was
-- cut, as perigee.core.cut has it.
function handlers.retire(body)
    local deadline = host.now() + body.drain_s
    forward.close()
    servers.drain(WORKERS)
    local total = cut.none()
    parallel(list_generations(), function(one)
        one:leave(GOING_AWAY)
        local counts = one:retire(body.drain_s, settings.stop_timeout_s)
        tell_of_cut(one, counts)
        cut.add(total, counts)
    end)
    servers.await_closed(WORKERS, deadline)
    return total
end

local function describe(one)
    local counters = host.isolate_counters(one.handle) or {}
    local live = one:call("status", nil, STATUS_TIMEOUT_S) or {}
    return {
        service = one.service, generation = one.number,
        is_active = active[one.service] == one.number,
        heap_size = counters.heap_size, busy_s = counters.busy_s, cuts = counters.cuts,
        turns = counters.turns, turned_away = counters.turned_away,
        cpu_warnings = counters.cpu_warnings, cpu_ends = counters.cpu_ends,
        memory_ends = counters.memory_ends,
        in_flight = live.in_flight, websockets = live.websockets,
        lost_websockets = live.lost_websockets, tasks = live.tasks,
        destinations = live.destinations,
        queued = live.queued, refusals = live.refusals,
    }
end

--- -> what `perigee status` shows of this worker.
function handlers.status()
    local list = {}
    for i, result in ipairs(parallel(list_generations(), describe)) do
        list[i] = result[1]
    end
    return { services = list, http = servers.counters("http") or {},
        rpc = servers.counters("rpc"), channels = host.channels_waiting(),
        log = host.log_counters(), dropped_traces = trace_relay.dropped_count() }
end

--- body = { service=, limit= } -> for each generation its tasks; without them and with an error
-- when its isolate does not answer, because it computes.
function handlers.tasks(body)
    local list = {}
    for number, one in pairs(generations[body.service] or {}) do
        local answer, _, detail = one:call("tasks", { limit = body.limit }, STATUS_TIMEOUT_S)
        list[#list + 1] = { generation = number, is_active = active[body.service] == number,
            tasks = answer and answer.tasks, total = answer and answer.total,
            error = detail }
    end
    return list
end

-- The generation of `service` that gets requests here, or nil and a message.
local function find_active(service)
    local one = find(service, active[service] or 0)
    return one, not one and "the service does not run in this worker" or nil
end

--- body = { service=, seconds=, interval_ms= } -> see perigee.worker.profile
function handlers.profile(body)
    local one, message = find_active(body.service)
    if not one then
        return nil, message
    end
    return profile.sample(one, body.seconds, body.interval_ms)
end

--- body = { service=, seconds= } -> see perigee.service.heap
function handlers.heap(body)
    local one, message = find_active(body.service)
    if not one then
        return nil, message
    end
    return profile.count_heap(one, body.seconds)
end

--- -> services whose health() says no.
function handlers.health()
    local ill = {}
    for service, number in pairs(active) do
        local one = find(service, number)
        if one then
            local health, _, detail = one:call("health", nil, HEALTH_TIMEOUT_S)
            if not (health and health.is_healthy) then
                ill[#ill + 1] = { service = service, detail = health and health.detail or detail }
            end
        end
    end
    return ill
end

--- Shows the supervisor that this worker turns its loop.
function handlers.ping()
    servers.watch_accepting()
    return true
end

--- body = { name =, list = }: other instances of a service than before.
function handlers.instances(body)
    instances.take(body)
    return true
end

--- body = settings of the log, see perigee.core.log_settings: other levels than before.
function handlers.log_levels(body)
    settings.service.log = body
    log_control.change(body, settings.slot, list_generations())
    return true
end

--- The file of the log was moved away.
function handlers.log_reopen()
    host.log_reopen()
    return true
end

function handlers.exit()
    host.exit(0)
    return true
end

local function on_broken(handle, _, message)
    local one = generation.find(handle)
    if one then
        restart(one, message)
    end
end

--- Runs until the supervisor says exit, or is gone.
function worker.run()
    local control = assert(stream.adopt(worker.CONTROL_FD))
    local read
    supervisor, read = stream_peer.open(control, handlers)
    instances.configure(supervisor)
    trace_relay.configure(supervisor)
    scheduler.on_event(event.MESSAGE, function(handle, _, bytes)
        local one = generation.find(handle)
        if one then
            one.peer:receive(bytes)
        end
    end)
    scheduler.on_event(event.REQUEST, forward.take)
    scheduler.on_event(event.CALL, forward_call.take)
    host_methods.configure(function()
        return supervisor:call("describe_rpc", nil, DESCRIBE_TIMEOUT_S)
    end)
    scheduler.on_event(event.BROKEN, on_broken)
    for _, signal in ipairs(SIGNALS_OF_THE_SUPERVISOR) do
        assert(host.watch_signal(signal))
    end
    supervisor:notify("hello", { pid = host.pid() })
    read()
    -- A worker without its supervisor would serve code nobody can replace: it finishes what it has
    -- and goes.
    log.error("the supervisor is gone: draining")
    local deadline = { drain_s = settings and settings.drain_s or 0 }
    handlers.drain(deadline)
    handlers.retire(deadline)
    host.exit(1)
end

return worker
