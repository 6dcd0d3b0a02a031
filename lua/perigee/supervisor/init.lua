--- The supervisor: owns the directory, the sockets and the workers, and never runs a service's
-- code.
local admin = require "perigee.supervisor.admin"
local banner = require "perigee.supervisor.banner"
local catalog = require "perigee.supervisor.catalog"
local certificates = require "perigee.supervisor.certificates"
local directory = require "perigee.supervisor.directory"
local host = require "host"
local inheritance = require "perigee.supervisor.inheritance"
local log = require "perigee.log"
local membership = require "perigee.supervisor.membership"
local metrics = require "perigee.supervisor.metrics"
local privileges = require "perigee.supervisor.privileges"
local quarantine = require "perigee.supervisor.quarantine"
local reload = require "perigee.supervisor.reload"
local scheduler = require "perigee.core.scheduler"
local shared_memory = require "perigee.supervisor.shared_memory"
local service_manager = require "perigee.supervisor.service_manager"
local signals = require "perigee.supervisor.signals"
local sockets = require "perigee.supervisor.sockets"
local trace_store = require "perigee.supervisor.trace_store"
local upgrade = require "perigee.supervisor.upgrade"
local worker_process = require "perigee.supervisor.worker_process"
local worker_settings = require "perigee.supervisor.worker_settings"
local worker_watch = require "perigee.supervisor.worker_watch"
local workers = require "perigee.supervisor.workers"

local supervisor = {}
local methods = {}
local metatable = { __index = methods }

-- A file that is replaced is missing for a moment; only one that stays away is a service that was
-- removed.
local REMOVAL_S = 0.15
local LOAD_CONCURRENCY = 8

-- A worker that dies this often before the host was ever up will not come up.
local START_ATTEMPTS = 3

-- For a worker to take other certificates.
local SET_TLS_S = 5

--- Opens the sockets. `settings` are those of perigee.cli.serve. Returns the supervisor, or nil and
-- a message.
function supervisor.open(settings)
    local self = setmetatable({
        settings = settings,
        started_at = host.now(),
        catalog = catalog.new(),
        addresses = {},
        manager = service_manager.new(os.getenv),
        is_stopping = false,
        configured_count = 0, -- worker processes so far
        problems = {},
        traces = trace_store.new(),
    }, metatable)
    if settings.tls then
        local message
        self.certificates, message = certificates.open(settings.tls, function()
            self:refresh_later(certificates.SETTLE_S)
        end)
        if not self.certificates then
            return nil, message
        end
    end
    local given, reason = inheritance.open(os.getenv)
    if not given then
        return nil, reason
    end
    self.inheritance, self.environment = given, upgrade.environment()
    local shared_fd, problem = shared_memory.open(settings.worker.shared_size)
    if not shared_fd then
        return nil, problem
    end
    self.shared_fd = shared_fd
    settings.worker.worker_count = math.max(settings.worker.worker_count, given:least_workers())
    local opened, why = sockets.open(settings, given.sockets)
    if not opened then
        return nil, why
    end
    self.addresses, self.sockets = opened.addresses, opened.sockets
    local has_dropped, obstacle = privileges.drop(settings.user)
    if not has_dropped then
        return nil, obstacle
    end
    self.membership = membership.open(settings.registry, opened.addresses)
    self:open_workers(opened.sockets.http.fds, opened.sockets.rpc and opened.sockets.rpc.fds or {})
    self.directory = directory.open({ path = settings.directory,
        module_paths = settings.module_paths })
    return self
end

-- What workers wake each other with (perigee.channel): one for each, which all inherit.
local function open_bells(count)
    local bell_fds = {}
    for slot = 1, count do
        bell_fds[slot] = assert(host.bell_create())
    end
    return bell_fds
end

-- Whoever a worker was about to wake when it died looks for itself.
local function ring_all(bell_fds)
    for _, descriptor in ipairs(bell_fds) do
        host.bell_ring(descriptor)
    end
end

-- What workers ask of the supervisor.
local function handlers_of(self)
    return {
        module = function(body)
            return self:answer_module(body)
        end,
        describe_rpc = function()
            return self.catalog:describe_rpc()
        end,
        retired = function() end,
        watch_instances = function(body, worker)
            return self.membership:watch(body.name, worker)
        end,
        list_services = function()
            return self.membership:list()
        end,
        broken = function(body)
            self:on_broken(body)
        end,
        traces = function(body, worker)
            self.traces:add_all(body, worker.slot)
            return true
        end,
    }
end

local function open_reload(self)
    return reload.new({
        catalog = self.catalog,
        workers = self.workers,
        settings = self.settings,
        on_change = function(service)
            self:watch_service(service)
        end,
        on_route = function()
            if self.is_loaded then
                self.membership:update(self.catalog:list())
            end
        end,
    })
end

function methods:open_workers(http_fds, rpc_fds)
    local list, mesh_addresses = {}, {}
    local bell_fds = open_bells(self.settings.worker.worker_count)
    local handlers = handlers_of(self)
    for slot = 1, self.settings.worker.worker_count do
        mesh_addresses[slot] = "unix:@perigee-" .. host.random_id() .. host.random_id()
        list[slot] = worker_process.new({
            slot = slot,
            http_fd = http_fds[slot],
            rpc_fd = rpc_fds[slot],
            mesh_fd = assert(host.listen(mesh_addresses[slot], 1))[1],
            shared_fd = self.shared_fd,
            bell_fds = bell_fds,
            metrics_size = self.settings.worker.metrics_size,
            handlers = handlers,
            on_up = function(worker)
                self:on_worker_up(worker)
            end,
            on_down = function(worker)
                quarantine.note_crash(self, worker)
                ring_all(bell_fds)
                self:wake_start()
            end,
        })
    end
    self.mesh_addresses = mesh_addresses
    self.workers = workers.new(list)
    self.metrics = metrics.new(self)
    self.reload = open_reload(self)
end

function methods:answer_module(body)
    local source = self.reload:source_of(body.service, body.generation)
    if not source then
        return nil, "the generation is gone"
    end
    local file, message = source:module(body.name)
    local service = self.catalog:get(body.service)
    -- A module that is asked for by a request, long after the reload is over.
    if service and service.live and service.live.source == source then
        self:watch_service(service)
    end
    return file, message
end

-- An isolate whose scheduler failed is gone from its worker; loading the same bytes again
-- everywhere replaces it.
function methods:on_broken(body)
    local service = self.catalog:get(body.service)
    if service and service.live and service.live.number == body.generation then
        service.restarts = service.restarts + 1
        self.reload:start_reload(service)
    end
end

function methods:on_worker_up(worker)
    local answer, _, detail = worker:call("configure", worker_settings.compose(self, worker), 10)
    if not answer then
        log.error(("worker %d could not be configured: %s"):format(worker.slot, detail))
        return
    end
    if not answer.is_preemptive and not self.is_preemption_told then
        self.is_preemption_told = true
        log.warn("this LuaJIT cannot interrupt compiled loops: services run without its compiler")
    end
    self.reload:restore(worker)
    self:wake_start()
end

function methods:wake_start()
    local task = self.start_task
    if task then
        scheduler.wake(task, task.wait_id, true)
    end
end

-- Every file of `service` that was looked at, and those looked at in the attempt that failed last.
local function each_path(service, fn)
    fn(service.place.path)
    for _, source in pairs({ service.live and service.live.source, service.attempted }) do
        for path in pairs(source.looked_at) do
            fn(path)
        end
    end
end

--- Watches what `service` is made of now.
function methods:watch_service(service)
    if self.settings.is_watching and self.is_loaded then
        each_path(service, function(path)
            self.directory:watch_path(path)
        end)
    end
end

-- The same for all, with everything looked up anew: directories may have been replaced.
function methods:watch_all()
    local paths = {}
    for _, service in pairs(self.catalog.services) do
        each_path(service, function(path)
            paths[path] = true
        end)
    end
    for _, path in ipairs(self.certificates and self.certificates:paths() or {}) do
        paths[path] = true
    end
    self.directory:watch(paths)
end

local function report_problems(self, problems)
    local told = {}
    for _, problem in ipairs(problems) do
        told[problem] = true
        if not self.problems[problem] then
            log.warn(problem)
        end
    end
    self.problems = told
end

local function is_stale(service)
    local source = service.candidate and service.candidate.source or service.attempted
        or service.live and service.live.source
    return not source or source.place.path ~= service.place.path or source:is_changed()
end

function methods:remove_missing(found)
    for name, service in pairs(self.catalog.services) do
        if found[name] then
            service.missing_since = nil
        elseif not service.missing_since then
            service.missing_since = host.now()
            self:refresh_later(REMOVAL_S)
        elseif host.now() - service.missing_since >= REMOVAL_S and not service.is_busy then
            self.catalog:remove(name)
            log.event(name, "info", ("%s is gone: the service is removed"):format(
                service.place.path))
            self.reload:route()
            self.reload:retry_blocked()
        end
    end
end

function methods:refresh_later(delay_s)
    scheduler.at(host.now() + delay_s, function()
        self.directory:poke()
    end)
end

-- A worker that is not up is told when it is configured.
local function send_certificates(self)
    local up = {}
    for _, worker in ipairs(self.workers.list) do
        if worker.state == "up" then
            up[#up + 1] = worker
        end
    end
    for slot, result in pairs(workers.each(up, function(worker)
        return worker:call("set_tls", self.certificates.options, SET_TLS_S)
    end)) do
        if not result[1] and result[2] ~= "closed" then
            log.error(("worker %d did not take the certificates: %s"):format(slot, result[3]))
        end
    end
    log.info("TLS: certificates loaded anew; connections that are open keep theirs")
end

function methods:refresh_certificates(is_forced)
    if self.certificates and self.certificates:refresh(is_forced) then
        scheduler.spawn(send_certificates, self).name = "certificates"
    end
end

--- Looks at the directory and starts the reloads that are due. `is_forced`: of everything.
function methods:refresh(is_forced)
    self:refresh_certificates(is_forced)
    local found, problems = self.directory:scan()
    if not found then
        -- The directory itself is being replaced, or its disk is away: what runs goes on.
        report_problems(self, { ("the directory %s cannot be read (%s): services stay as they are")
            :format(self.settings.directory, problems) })
        return
    end
    report_problems(self, problems)
    for name, place in pairs(found) do
        local service = self.catalog:ensure(name)
        service.place = place
        if is_forced or is_stale(service) then
            self.reload:start_reload(service)
        end
    end
    self:remove_missing(found)
end

local function load_all(self)
    local found, problems = self.directory:scan()
    if not found then
        return nil, ("the directory %s cannot be read: %s"):format(self.settings.directory,
            problems)
    end
    report_problems(self, problems)
    local queue = {}
    for name, place in pairs(found) do
        local service = self.catalog:ensure(name)
        service.place = place
        queue[#queue + 1] = service
    end
    table.sort(queue, function(a, b)
        return a.name < b.name
    end)
    local lanes, next_index = {}, 1
    for slot = 1, LOAD_CONCURRENCY do
        lanes[slot] = { slot = slot }
    end
    workers.each(lanes, function()
        while queue[next_index] do
            next_index = next_index + 1
            self.reload:reload(queue[next_index - 1])
        end
    end)
    self.reload:settle_claims()
    return true
end

local function open_workers(self)
    self.reload.is_routing_paused = false
    self.reload:route()
    for _, result in pairs(workers.each(self.workers:serving(), function(worker)
        return self.reload:open(worker)
    end)) do
        if result[1] == nil and result[2] ~= "closed" then
            return nil, "the workers cannot serve; the lines above say why"
        end
    end
    return true
end

local function start_workers(self)
    self.start_task = scheduler.current()
    for _, worker in ipairs(self.workers.list) do
        assert(worker:start())
    end
    while #self.workers:serving() < self.workers:count() do
        scheduler.wait()
        for _, worker in ipairs(self.workers.list) do
            if worker.restarts >= START_ATTEMPTS then
                return nil, "the workers die as soon as they are started; the lines above say why"
            end
        end
    end
    self.start_task = nil
    return true
end

--- Starts workers and services, and serves. Returns true, or nil and a message. Everything is
-- loaded before the first worker is told where requests go, and the table is sent once.
function methods:start()
    self.reload.is_routing_paused = true
    worker_watch.start(self)
    for _, step in ipairs({ start_workers, load_all, open_workers }) do
        local is_ok, message = step(self)
        if not is_ok then
            self:kill_workers()
            return nil, message
        end
    end
    local is_ours, message = self.inheritance:take_over()
    if not is_ours then
        self:kill_workers()
        return nil, message
    end
    self.is_loaded = true
    self.membership:update(self.catalog:list())
    self.admin_server = admin.open(self, self.sockets.admin.fds[1])
    self.metrics:push(self.settings.influx)
    self.traces:export(self.settings.otlp)
    if self.settings.is_watching then
        self.directory:listen()
        self:watch_all()
        scheduler.spawn(self.watch, self).name = "directory"
    end
    io.stdout:write(banner.format((host.version()), self.catalog:list(), self.addresses,
        self.workers:count()))
    io.stdout:flush()
    self:tell_ready()
    return true
end

--- Tells the service manager that this host serves.
function methods:tell_ready()
    self.manager:ready(("%d workers, %d services"):format(self.workers:count(),
        #self.catalog:list()))
end

function methods:watch()
    while not self.is_stopping do
        local is_told = self.directory:wait_for_change()
        if not self.is_stopping then
            self:refresh()
        end
        if not is_told then
            self:watch_all()
        end
    end
end

function methods:kill_workers()
    for _, worker in ipairs(self.workers.list) do
        worker:kill()
    end
end

--- Has signals handled: see perigee.supervisor.signals.
function methods:handle_signals()
    signals(self)
end

return supervisor
