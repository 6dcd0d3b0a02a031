--- The orders of the worker to one service: load, start, save, drain, stop, and questions about it.
-- Everything that lasts is in the `state` of perigee.service.instance; this module may be let go
-- between two orders.
local call_settings = require "perigee.core.call_settings"
local copy = require "perigee.core.copy"
local definition = require "perigee.service.definition"
local folder = require "perigee.core.folder"
local globals = require "perigee.core.globals"
local host = require "host"
local lazy = require "perigee.core.lazy"
local limits = require "perigee.service.limits"
local log_settings = require "perigee.core.log_settings"
local modules = require "perigee.core.modules"
local outgoing = require "perigee.core.outgoing"
local peer = require "perigee.core.peer"
local quotas = require "perigee.core.quotas"
local raised = require "perigee.core.raised"
local sandbox = require "perigee.service.sandbox"
local scheduler = require "perigee.core.scheduler"
local trace_settings = require "perigee.core.trace_settings"
local worker_link = require "perigee.core.worker_link"

local leaving = lazy "perigee.service.leaving"
local log = lazy "perigee.log"
local request_trace = lazy "perigee.service.request_trace"

local operations = {}

--- What may be let go once no order is under way.
operations.MODULES = { "perigee.service.operations", "perigee.service.definition",
    "perigee.service.heap", "perigee.service.heap_walk", "perigee.service.key_line",
    "perigee.service.leaving", "perigee.service.limits", "perigee.service.loader",
    "perigee.service.nearest", "perigee.service.sandbox",
    "perigee.service.stuck", "perigee.core.census", "perigee.core.cut",
    "perigee.core.deadlock", "perigee.core.peer", "perigee.core.copy", "perigee.core.where",
    "perigee.http.pattern", "string.buffer" }

local WORKER = 0

local function print_to_log(...)
    local parts = {}
    for i = 1, select("#", ...) do
        parts[i] = tostring((select(i, ...)))
    end
    require("perigee.log").info(table.concat(parts, "\t"))
end

local function tell_of_limit(name, message)
    log.warn(message .. "; what is beyond is refused, and counted in /status", { limit = name })
end

local catch = raised.catcher()

-- Returns true and what fn returned, or nil, message, traceback or nil.
local function call_guarded(fn, ...)
    local is_ok, result = xpcall(fn, catch, ...)
    if is_ok then
        return true, result
    end
    return nil, raised.describe(result)
end

local function describe_routes(app)
    local routes = {}
    for _, route in ipairs(type(app) == "table" and app.routes and app:routes() or {}) do
        routes[#routes + 1] = { method = route.method, pattern = route.pattern }
    end
    return routes
end

-- The names of its RPC services, and what is to be told of all their methods, each in order.
local function describe_rpc(methods)
    local names, list = {}, {}
    for _, method in pairs(methods) do
        names[method.service] = true
        list[#list + 1] = require("perigee.rpc.method").describe(method)
    end
    local services = {}
    for name in pairs(names) do
        services[#services + 1] = name
    end
    table.sort(services)
    table.sort(list, function(a, b)
        return a.name < b.name
    end)
    return services, list
end

local function manifest(service, methods, held)
    local rpc_services, rpc_methods = describe_rpc(methods)
    return {
        mount = service.mount,
        has_http = service.http ~= nil,
        replicas = service.replicas or "worker",
        has_save = service.save ~= nil,
        has_resume = service.resume ~= nil,
        routes = describe_routes(service.http),
        rpc = rpc_services,
        methods = rpc_methods,
        version = service.version,
        metadata = service.metadata,
        drain_s = held.drain,
        memory_size = held.memory,
        cpu_s = held.cpu_s,
        body_size = held.body,
    }
end

-- Conflicts between routes are errors of the script, so they are looked for before the first
-- request.
local function seal(app)
    if type(app) == "table" and app.seal then
        app:seal()
    end
end

local function make_require(state)
    return function(name)
        -- Not a tail call: the loader's errors name the line that called this function.
        local module = require("perigee.service.loader").load(state, name, function()
            return require("perigee.service.operations").fetch(state, name)
        end)
        return module
    end
end

local function run_script(state, body)
    sandbox.fill(globals, { print = print_to_log, require = make_require(state),
        getenv = require("perigee.service.environment").reader(body.policy.grants.environment) })
    -- What a heap has once grown to stays with the process, so the script gets the room of what is
    -- garbage by now.
    collectgarbage()
    local chunk, reason = load(body.source, "@" .. body.chunk, "t")
    if not chunk then
        return nil, reason
    end
    -- Compiled loops that cannot be interrupted would cost the worker.
    if host.is_preemptive() then
        jit.on()
    end
    return call_guarded(chunk, body.name)
end

-- A service without RPC never loads what calls need.
local function compile_methods(services)
    if not services then
        return {}
    end
    local is_ok, result = call_guarded(require("perigee.rpc.method").compile_all, services)
    return is_ok and result, result
end

-- Where a script says what is wrong with it, as near as can be told.
local function place_of(body, key)
    local line = require("perigee.service.key_line")(body.source, key)
    return line and body.chunk .. ":" .. line or body.chunk
end

-- What the script may do from now on: its own limits, and those its operator has set. Returns all
-- of them.
local function hold_to_limits(state, caps)
    local held = limits.effective(state.service.limits or {}, caps)
    quotas.hold(held)
    if held.rate or held.concurrency or held.tasks then
        state.admission = require("perigee.service.admission").new(held)
    end
    return held
end

-- Loaded when a service first calls one that does not run on this host.
local function find_remote(service)
    return require("perigee.service.remote_services").find(service)
end

local function emit_trace(record)
    require "perigee.service.trace_emitter"(record)
end

local function request_id()
    return request_trace.request_id()
end

-- Loaded with the first request to http+service://.
local function ask_service(client, request)
    local response, code, detail = require("perigee.service.http_services").answer(client, request)
    return response, code, detail
end

local handlers = {}

--- body = { name=, source=, chunk=, settings = { log=, is_developing=, calls=, websocket_ping_s=,
-- slow_wait_s=, shed_s=, has_registry= }, policy = see perigee.service.policy } -> manifest
function handlers.load(state, body)
    local settings = body.settings
    log_settings.configure(settings.log, body.name)
    for name, value in pairs(settings.trace) do
        trace_settings[name] = value
    end
    trace_settings.emit = emit_trace
    for name, value in pairs(settings.calls) do
        call_settings[name] = value
    end
    quotas.hold(limits.effective({}, body.policy.limits))
    quotas.on_first = tell_of_limit
    outgoing.restrict(body.policy.grants.network)
    folder.readable = body.policy.grants.read
    state.slow_wait_s = settings.slow_wait_s
    if settings.shed_s > 0 then
        state.shedding = require("perigee.service.shedding").new(settings.shed_s)
        host.time_events()
    end
    worker_link.find_remote = settings.has_registry and find_remote
    worker_link.ask_service = ask_service
    state.server_options = { log = log, new_id = request_id,
        is_developing = settings.is_developing }
    state.websocket_ping_s = settings.websocket_ping_s
    local is_ok, result = run_script(state, body)
    if not is_ok then
        return nil, result
    end
    local is_valid, reason, key = definition.check(result)
    if not is_valid then
        return nil, ("%s: %s"):format(place_of(body, key), reason)
    end
    is_ok, reason = call_guarded(seal, result.http)
    if not is_ok then
        return nil, reason
    end
    state.service = definition.plain(result)
    log_settings.configure(settings.log, body.name, result.log_level)
    state.methods, reason = compile_methods(state.service.rpc)
    if not state.methods then
        return nil, reason
    end
    return manifest(state.service, state.methods, hold_to_limits(state, body.policy.limits))
end

--- body = { saved = bytes | nil }
function handlers.start(state, body)
    if not state.service.start then
        return true
    end
    local saved = body.saved and copy.decode(body.saved)
    local is_ok, message = call_guarded(state.service.start, saved)
    return is_ok, message
end

--- -> { saved = bytes }
function handlers.save(state)
    local is_ok, value = call_guarded(state.service.save)
    if not is_ok then
        return nil, value
    end
    local bytes, _, detail = copy.encode(value, "what save() returned")
    if not bytes then
        return nil, detail
    end
    return { saved = bytes }
end

local function is_drained(state)
    return state.in_flight == 0 and (not state.close_code or state.socket_count == 0)
end

--- body = { code=, successor= handle or nil }: tells every WebSocket, and those still to come, that
-- it ends, or goes on in that isolate.
function handlers.close_sockets(state, body)
    state.close_code, state.successor = body.code, body.successor
    for _, transport in pairs(state.sockets) do
        transport:leave(body.code, body.successor)
    end
    return true
end

--- Waits until no request is in flight, and no WebSocket open once they were told to close.
function handlers.drain(state)
    while not is_drained(state) do
        local task = scheduler.current()
        table.insert(state.drains, { task = task, wait_id = task.wait_id })
        scheduler.wait(nil, "drain")
    end
    return true
end

--- The host goes: see perigee.service.leaving.
function handlers.end_event_streams(state)
    leaving.end_event_streams(state)
    return true
end

--- -> what was cut, as perigee.core.cut has it
function handlers.cut_all(state)
    return (leaving.cut_all(state))
end

function handlers.stop(state)
    if state.service and state.service.stop then
        local is_ok, message, traceback = call_guarded(state.service.stop)
        if not is_ok then
            log.error("stop() failed: " .. message .. (traceback and "\n" .. traceback or ""))
        end
    end
    return true
end

--- -> { is_healthy=, detail= }
function handlers.health(state)
    if not state.service.health then
        return { is_healthy = true }
    end
    local is_ok, result = call_guarded(state.service.health)
    return { is_healthy = is_ok and result ~= false, detail = tostring(result) }
end

-- A service that calls none has no counters of destinations.
function handlers.status(state)
    local destination = modules["perigee.destination"]
    return { in_flight = state.in_flight, websockets = state.socket_count,
        lost_websockets = state.lost_socket_count,
        tasks = scheduler.live_count(),
        queued = state.admission and state.admission:queued() or 0,
        refusals = quotas.refusals,
        destinations = destination and destination.counters() }
end

--- body = { limit= } -> { tasks = those that have waited longest, total= }; see
-- perigee.core.census.
function handlers.tasks(_, body)
    local asking = scheduler.current()
    local tasks, total = require("perigee.core.census").longest(body.limit, function(task)
        return task ~= asking
    end)
    return { tasks = tasks, total = total }
end

--- body = { seconds= } -> what perigee.service.heap counts, and the heap_size before that.
function handlers.heap(state, body)
    local heap_size = host.heap_size()
    local report = require("perigee.service.heap").count(state, body.seconds)
    report.heap_size = heap_size
    return report
end

--- body = settings of the log, see perigee.core.log_settings: other levels than before.
function handlers.log_levels(state, body)
    log_settings.configure(body, log_settings.name, state.service and state.service.log_level)
    return true
end

--- body = { op =, body = }: news for the modules of the service.
function handlers.notify(_, body)
    local fn = worker_link.on_notify[body.op]
    if fn then
        fn(body.body)
    end
end

local function bind_handlers(state)
    local bound = {}
    for name, handler in pairs(handlers) do
        bound[name] = function(body)
            return handler(state, body)
        end
    end
    return bound
end

local function peer_of(state)
    if not state.peer then
        state.peer = peer.new({
            handlers = bind_handlers(state),
            send = function(bytes)
                host.post(WORKER, bytes)
            end,
        })
    end
    return state.peer
end

--- Asks the worker for a file of the service. Returns { source=, chunk= }, or nil and a message.
function operations.fetch(state, name)
    local file, _, message = peer_of(state):call("module", { name = name })
    return file, message
end

--- Asks the worker something else: see peer:call.
function operations.call(state, op, body, timeout_s)
    local result, code, detail = peer_of(state):call(op, body, timeout_s)
    return result, code, detail
end

--- Takes one message of the worker.
function operations.receive(state, bytes)
    peer_of(state):receive(bytes)
end

return operations
