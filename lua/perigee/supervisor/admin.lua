--- The admin port: health, readiness, status, and control.
local admin_guard = require "perigee.supervisor.admin_guard"
local admin_logs = require "perigee.supervisor.admin_logs"
local admin_traces = require "perigee.supervisor.admin_traces"
local dashboard = require "perigee.supervisor.dashboard"
local event = require "perigee.core.event"
local exchange = require "perigee.service.exchange"
local host = require "host"
local http = require "perigee.http"
local http_server = require "perigee.http.server"
local json = require "perigee.json"
local log = require "perigee.log"
local metrics_page = require "perigee.supervisor.metrics_page"
local profile = require "perigee.supervisor.profile"
local scheduler = require "perigee.core.scheduler"
local status = require "perigee.supervisor.status"
local workers = require "perigee.supervisor.workers"

local admin = {}

-- Ready: every worker serves, and every service says it is healthy.
local function check_readiness(supervisor)
    if supervisor.is_stopping then
        return false, { reason = "stopping" }
    elseif #supervisor.workers:serving() < supervisor.workers:count() then
        return false, { reason = "not every worker is up" }
    end
    local ill = {}
    for _, result in pairs(supervisor.workers:call("health", nil, 2)) do
        for _, one in ipairs(result[1] or {}) do
            ill[#ill + 1] = one
        end
    end
    return #ill == 0, { reason = #ill > 0 and "services are not healthy" or nil, services = ill }
end

local function reload_one(supervisor, name)
    local service = supervisor.catalog:get(name)
    if not service then
        return http.error(404, ("there is no service '%s'"):format(name))
    end
    supervisor.reload:reload(service)
    if service.last_error then
        return 409, { service = name, error = service.last_error.message,
            generation = service.live and service.live.number }
    end
    return { service = name, generation = service.live and service.live.number }
end

local function reload_all(supervisor)
    local results = {}
    for _, service in ipairs(supervisor.catalog:list()) do
        supervisor.reload:reload(service)
        results[#results + 1] = { service = service.name,
            generation = service.live and service.live.number,
            error = service.last_error and service.last_error.message }
    end
    return { services = results }
end

local DEFAULT_TASKS, MOST_TASKS, TASKS_S = 50, 1000, 1

-- What each worker that serves says, one entry for each isolate.
local function ask_for_tasks(supervisor, question)
    local isolates = json.array()
    local results = supervisor.workers:call("tasks", question, TASKS_S)
    for _, result in ipairs(workers.in_order(results)) do
        for _, one in ipairs(result.value or { { error = result.detail or result.code } }) do
            one.worker, one.tasks = result.slot, one.tasks and json.array(one.tasks)
            isolates[#isolates + 1] = one
        end
    end
    return isolates
end

local function list_tasks(supervisor, query)
    local name, limit = query.service, tonumber(query.limit or DEFAULT_TASKS)
    if not name or not supervisor.catalog:get(name) then
        return http.error(404, ("there is no service '%s'"):format(tostring(name)))
    elseif not limit or limit < 1 or limit > MOST_TASKS or limit % 1 ~= 0 then
        return http.error(400, ("limit must be from 1 to %d"):format(MOST_TASKS))
    end
    local question = { service = name, limit = limit }
    return { service = name, isolates = ask_for_tasks(supervisor, question) }
end

local function make_router(supervisor)
    local app = http.router()
    local settings = supervisor.settings
    app:use(admin_guard.new({ address = settings.admin_address, token = settings.admin_token }))
    app:get("/healthz", function()
        return { status = "ok" }
    end)
    app:get("/readyz", function()
        local is_ready, detail = check_readiness(supervisor)
        detail.status = is_ready and "ready" or "not ready"
        return is_ready and 200 or 503, detail
    end)
    app:get("/status", function()
        return status.collect(supervisor)
    end)
    app:get("/tasks", function(request)
        return list_tasks(supervisor, request.query)
    end)
    metrics_page.mount(app, supervisor)
    app:post("/reload", function()
        return reload_all(supervisor)
    end)
    app:post("/reload/:service", function(request)
        return reload_one(supervisor, request.params.service)
    end)
    app:post("/profile/:service", function(request)
        return profile.sample(supervisor, request.params.service, request.query)
    end)
    app:post("/heap/:service", function(request)
        return profile.count_heap(supervisor, request.params.service)
    end)
    admin_logs(app, supervisor)
    admin_traces(app, supervisor.traces)
    dashboard.mount(app, supervisor)
    return app
end

--- Serves the admin port on the descriptor. Returns the server.
function admin.open(supervisor, descriptor)
    local server = http_server.new(make_router(supervisor), {
        log = log,
        new_id = host.random_id,
        is_developing = true,
    })
    scheduler.on_event(event.REQUEST, function(...)
        local task = scheduler.spawn(server.dispatch, server, exchange.new(...))
        task.name = "admin request"
    end)
    assert(host.set_mounts({ { "/", host.handle() } }))
    local address = supervisor.settings.admin_address
    if not supervisor.settings.admin_token and not admin_guard.is_local(address) then
        log.warn(("the admin port at %s is open to whoever reaches it: give it a token with "
            .. "--admin-token-file"):format(address))
    end
    return (assert(host.serve_http(descriptor, {})))
end

return admin
