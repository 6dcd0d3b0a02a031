--- One service in one generation, inside its isolate. The worker (perigee.worker) tells it what to do by messages:
-- load, start, save, drain, stop. Requests come straight from the host.
local copy = require "perigee.core.copy"
local definition = require "perigee.service.definition"
local event = require "perigee.core.event"
local exchange = require "perigee.service.exchange"
local globals = require "perigee.core.globals"
local host = require "host"
local http_server = require "perigee.http.server"
local loader = require "perigee.service.loader"
local log = require "perigee.log"
local peer = require "perigee.core.peer"
local sandbox = require "perigee.service.sandbox"
local scheduler = require "perigee.core.scheduler"
require "perigee"

local WORKER = 0

local service    -- what the script returned
local server     -- the perigee.http.server over its router
local in_flight = 0
local drained    -- { task =, wait_id = } of the one who waits for in_flight == 0
local worker

local function on_request_finished(task, is_ok, failure, traceback)
    in_flight = in_flight - 1
    if not is_ok then
        -- The server guards its handler, so this task was ended by the host: nobody has answered for it.
        host.exchange_respond(task.a_request, 503, "Content-Type: text/plain; charset=utf-8\r\n",
            "The service was stopped while it worked on this request.\n")
        scheduler.on_failure(task, failure, traceback)
    end
    if in_flight == 0 and drained then
        scheduler.wake(drained.task, drained.wait_id, true)
    end
end

local function answer(id)
    server:dispatch(exchange.new(id))
end

scheduler.on_event(event.REQUEST, function(id)
    local task = scheduler.spawn(answer, id)
    in_flight = in_flight + 1
    task.name = "request"
    task.a_request = id
    task.on_finish = on_request_finished
end)

local function fetch(name)
    local file, _, message = worker:call("module", { name = name })
    return file, message
end

local function print_to_log(...)
    local parts = {}
    for i = 1, select("#", ...) do
        parts[i] = tostring((select(i, ...)))
    end
    log.info(table.concat(parts, "\t"))
end

-- Keeps "file:line: message" at the front of what a caller sees; the traceback follows for the log.
local function with_traceback(message)
    return { message = tostring(message), traceback = debug.traceback("", 2) }
end

local function call_guarded(fn, ...)
    local is_ok, result = xpcall(fn, with_traceback, ...)
    if not is_ok then
        return nil, result.message, result.traceback
    end
    return true, result
end

local function describe_routes(app)
    local routes = {}
    for _, route in ipairs(type(app) == "table" and app.routes and app:routes() or {}) do
        routes[#routes + 1] = { method = route.method, pattern = route.pattern }
    end
    return routes
end

local function manifest()
    return {
        mount = service.mount,
        has_http = service.http ~= nil,
        replicas = service.replicas or "worker",
        has_save = service.save ~= nil,
        routes = describe_routes(service.http),
        drain_s = service.limits and service.limits.drain,
        memory_size = service.limits and service.limits.memory
            and definition.parse_size(service.limits.memory),
    }
end

local function nothing_mounted()
    return require("perigee.http").error(404, "this service serves no HTTP")
end

local handlers = {}

--- body = { name=, source=, chunk=, log=, is_developing= } -> the manifest
function handlers.load(body)
    log.configure({ level = body.log.level, format = body.log.format, name = body.name })
    sandbox.fill(globals, print_to_log, loader.new({ require = require, fetch = fetch }))
    local chunk, reason = load(body.source, "@" .. body.chunk, "t")
    if not chunk then
        return nil, reason
    end
    local is_ok, result = call_guarded(chunk, body.name)
    if not is_ok then
        return nil, result
    end
    is_ok, reason = definition.check(result)
    if not is_ok then
        return nil, body.chunk .. ": " .. reason
    end
    service = result
    server = http_server.new(service.http or nothing_mounted, {
        log = log,
        new_id = host.random_id,
        is_developing = body.is_developing,
    })
    collectgarbage()
    return manifest()
end

--- body = { saved = bytes | nil }
function handlers.start(body)
    if not service.start then
        return true
    end
    local saved = body.saved and copy.decode(body.saved)
    local is_ok, message = call_guarded(service.start, saved)
    return is_ok, message
end

--- -> { saved = bytes }
function handlers.save()
    local is_ok, value = call_guarded(service.save)
    if not is_ok then
        return nil, value
    end
    local bytes, _, detail = copy.encode(value, "what save() returned")
    if not bytes then
        return nil, detail
    end
    return { saved = bytes }
end

--- Waits until no request is in flight.
function handlers.drain()
    if in_flight > 0 then
        local task = scheduler.current()
        drained = { task = task, wait_id = task.wait_id }
        scheduler.wait()
        drained = nil
    end
    return true
end

function handlers.stop()
    if service and service.stop then
        local is_ok, message, traceback = call_guarded(service.stop)
        if not is_ok then
            log.error("stop() failed: " .. message .. traceback)
        end
    end
    return true
end

function handlers.health()
    if not service.health then
        return { is_healthy = true }
    end
    local is_ok, result = call_guarded(service.health)
    return { is_healthy = is_ok and result ~= false, detail = tostring(result) }
end

function handlers.status()
    return { in_flight = in_flight, tasks = scheduler.live_count() }
end

worker = peer.new({
    handlers = handlers,
    send = function(bytes)
        host.post(WORKER, bytes)
    end,
})

scheduler.on_event(event.MESSAGE, function(_, _, bytes)
    worker:receive(bytes)
end)

return true
