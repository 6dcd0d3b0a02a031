--- Reload in two phases, all or nothing: every worker loads and starts the new generation beside
-- the old one; only when all are ready does any switch. When one fails, all keep what they have.
local catalog_module = require "perigee.supervisor.catalog"
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local source = require "perigee.supervisor.source"
local workers_module = require "perigee.supervisor.workers"

local reload = {}
local methods = {}
local metatable = { __index = methods }

local AWAIT_STEP_S = 0.02

--- `options` = { catalog=, workers=, settings=, on_change = function(service) }.
function reload.new(options)
    return setmetatable({
        catalog = options.catalog,
        workers = options.workers,
        settings = options.settings,
        on_change = options.on_change,
        candidates = {}, -- service -> number -> source, while it is being loaded
        is_routing_paused = false,
    }, metatable)
end

--- The source a worker's question about a module is answered from.
function methods:source_of(name, number)
    local service = self.catalog:get(name)
    local of_service = self.candidates[name]
    if of_service and of_service[number] then
        return of_service[number]
    elseif service and service.live and service.live.number == number then
        return service.live.source
    end
end

local function load_on(self, worker, service, candidate)
    return worker:call("load", {
        service = service.name,
        generation = candidate.number,
        source = candidate.source.script,
        chunk = candidate.source.place.path,
        memory_size = self.settings.memory_size,
    }, self.settings.load_timeout_s + 1)
end

-- The first real failure among results by slot; a worker that went away meanwhile is none: it loads
-- what is live when it is back.
local function first_failure(results)
    for _, result in pairs(results) do
        if result[1] == nil and result[2] ~= "closed" then
            return result[3] or result[2]
        end
    end
end

local function others(list, slot)
    local rest = {}
    for _, worker in ipairs(list) do
        if worker.slot ~= slot then
            rest[#rest + 1] = worker
        end
    end
    return rest
end

local function claim_mount(self, service, candidate)
    local mount = candidate.manifest.mount or catalog_module.default_mount(service.name)
    local owner = self.catalog:owner_of(mount, service.name)
    if owner then
        service.wanted_mount = mount
        return nil, ("%s: the mount \"%s\" is taken by the service '%s' (%s); give one of them "
            .. "another `mount`"):format(service.place.path, mount, owner.name, owner.place.path)
    end
    candidate.mount = mount
    service.claimed_mount = mount
    return true
end

-- The worker that loads a generation first. One that is being restarted is waited for.
local function await_home(self, service)
    local home = self.workers:get(self.workers:home_of(service.name))
    local deadline = host.now() + self.settings.load_timeout_s
    while not home.is_serving and host.now() < deadline do
        scheduler.wait(host.now() + AWAIT_STEP_S)
    end
    return home
end

-- Phase one. Returns the workers that hold the candidate, or nil and a message.
local function prepare(self, service, candidate)
    local home = await_home(self, service)
    local manifest, code, detail = load_on(self, home, service, candidate)
    if not manifest then
        return nil, detail or code
    end
    candidate.manifest = manifest
    local is_ok, message = claim_mount(self, service, candidate)
    if not is_ok then
        return nil, message
    end
    local holders = { home }
    if manifest.replicas == "worker" then
        local rest = others(self.workers:serving(), home.slot)
        local failure = first_failure(workers_module.each(rest, function(worker)
            return load_on(self, worker, service, candidate)
        end))
        if failure then
            return nil, failure
        end
        for _, worker in ipairs(rest) do
            holders[#holders + 1] = worker
        end
    end
    local failure = first_failure(workers_module.each(holders, function(worker)
        return worker:call("start", { service = service.name, generation = candidate.number },
            3 * self.settings.load_timeout_s)
    end))
    if failure then
        return nil, failure
    end
    return holders
end

--- Sends every worker its routing table: the switch.
function methods:route()
    if self.is_routing_paused then
        return
    end
    local home_of = function(name)
        return self.workers:home_of(name)
    end
    workers_module.each(self.workers:serving(), function(worker)
        return worker:call("route", {
            entries = self.catalog:routes(worker.slot, home_of, self.settings.is_developing),
        }, self.settings.load_timeout_s)
    end)
end

local function fail(self, service, candidate, message)
    service.failures = service.failures + 1
    service.last_error = { message = message, at = host.wall_time(), generation = candidate.number }
    service.attempted = candidate.source
    self.workers:call("discard", { service = service.name, generation = candidate.number }, 5)
    if service.live then
        log.event(service.name, "error", ("reload failed, generation %d stays: %s"):format(
            service.live.number, message))
    else
        log.event(service.name, "error", "the service failed to load: " .. message)
        self:route()
    end
end

local function runs_on(self, service, manifest, worker)
    return manifest.replicas == "worker" or self.workers:home_of(service.name) == worker.slot
end

-- Loads and starts what is live, or about to be, into one more worker.
local function load_into(self, worker, service, live)
    local is_ok, code, detail = load_on(self, worker, service, live)
    if is_ok then
        is_ok, code, detail = worker:call("start",
            { service = service.name, generation = live.number },
            3 * self.settings.load_timeout_s)
    end
    if not is_ok and code ~= "closed" then
        log.event(service.name, "error", ("could not be loaded into worker %d again: %s")
            :format(worker.slot, detail))
    end
    return is_ok
end

-- A worker that came back while the others prepared the candidate must have it too before any
-- switches.
local function complete(self, service, candidate, holders)
    local holds = {}
    for _, worker in ipairs(holders) do
        holds[worker.pid] = true
    end
    for _, worker in ipairs(self.workers:serving()) do
        if not holds[worker.pid] and runs_on(self, service, candidate.manifest, worker) then
            load_into(self, worker, service, candidate)
        end
    end
end

local function switch(self, service, candidate, started_at)
    local is_first = service.live == nil
    service.live = candidate
    service.attempted = nil
    service.last_error = nil
    service.reloads = service.reloads + (is_first and 0 or 1)
    self:route()
    log.event(service.name, "info", is_first and "the service is up" or "reloaded", {
        generation = candidate.number, mount = candidate.mount,
        ms = ("%.1f"):format((host.now() - started_at) * 1000),
    })
end

local function is_blocked(service)
    return service.wanted_mount ~= nil
end

--- Tries the services again that failed only because another one had their mount, and has it no
-- more.
function methods:retry_blocked()
    for _, service in ipairs(self.catalog:list(is_blocked)) do
        if not self.catalog:owner_of(service.wanted_mount, service.name) then
            service.wanted_mount = nil
            self:start_reload(service)
        end
    end
end

-- One attempt with the bytes that are there now.
local function attempt(self, service)
    local started_at = host.now()
    local text, code = source.open(service.place)
    if not text then
        -- Gone or unreadable for now: if it stays so, the next look at the directory says it.
        log.event(service.name, "warn", ("%s cannot be read: %s"):format(service.place.path, code))
        return
    end
    local candidate = { number = service.last_number + 1, source = text }
    service.wanted_mount = nil
    service.last_number = candidate.number
    self.candidates[service.name] = { [candidate.number] = text }
    local holders, message = prepare(self, service, candidate)
    if holders then
        complete(self, service, candidate, holders)
        switch(self, service, candidate, started_at)
    else
        fail(self, service, candidate, message)
    end
    service.claimed_mount = nil
    self.candidates[service.name] = nil
    self.on_change(service)
    self:retry_blocked()
end

--- Loads `service` anew, in the calling task; while one reload runs, one more is remembered.
function methods:reload(service)
    if service.is_busy then
        service.is_due = true
        return
    end
    service.is_busy = true
    repeat
        service.is_due = false
        attempt(self, service)
    until not service.is_due
    service.is_busy = false
end

--- Starts a reload in a task of its own.
function methods:start_reload(service)
    scheduler.spawn(self.reload, self, service).name = "reload " .. service.name
end

--- Loads everything that is live into a worker that has just come up, and lets it serve. What is
-- switched meanwhile is loaded too: the worker counts as serving from the moment nothing is
-- missing.
function methods:restore(worker)
    local tried = {} -- service -> number of the generation
    local is_complete
    repeat
        is_complete = true
        for _, service in ipairs(self.catalog:list()) do
            local live = service.live
            if live and tried[service.name] ~= live.number
                and runs_on(self, service, live.manifest, worker) then
                is_complete = false
                tried[service.name] = live.number
                load_into(self, worker, service, live)
            end
        end
    until is_complete or worker.state ~= "up"
    if worker.state == "up" then
        worker.is_serving = true
        self:route()
        worker:call("open", nil, self.settings.load_timeout_s)
    end
end

return reload
