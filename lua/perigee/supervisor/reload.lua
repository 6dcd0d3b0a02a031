--- Reload in two phases, all or nothing: every worker loads and starts the new generation beside
-- the old one; only when all are ready does any switch. When one fails, all keep what they have.
local catalog_module = require "perigee.supervisor.catalog"
local host = require "host"
local log = require "perigee.log"
local rollout = require "perigee.supervisor.rollout"
local scheduler = require "perigee.core.scheduler"
local source = require "perigee.supervisor.source"
local workers_module = require "perigee.supervisor.workers"

local reload = {}
local methods = {}
local metatable = { __index = methods }

-- How often a candidate is tried again whose worker died, unless it died of another service.
local MAX_INTERRUPTIONS = 2

--- `options` = { catalog=, workers=, settings=, on_change = function(service), on_route =
-- function() }.
function reload.new(options)
    return setmetatable({
        catalog = options.catalog,
        workers = options.workers,
        settings = options.settings,
        rollout = rollout.new(options),
        on_change = options.on_change,
        on_route = options.on_route,
        is_routing_paused = false,
    }, metatable)
end

--- The source a worker's question about a module is answered from.
function methods:source_of(name, number)
    local service = self.catalog:get(name)
    for _, generation in pairs({ service and service.candidate, service and service.live }) do
        if generation.number == number then
            return generation.source
        end
    end
end

-- Has `service` wait until its mount is free. Returns the reason.
local function await_mount(service, mount, owner)
    service.wanted_mount = mount
    return ("%s: the mount \"%s\" is taken by the service '%s' (%s); give one of them another "
        .. "`mount`"):format(service.place.path, mount, owner.name, owner.place.path)
end

local function claim_mount(self, service, candidate)
    local mount = candidate.manifest.mount or catalog_module.default_mount(service.name)
    local owner = self.catalog:owner_of(mount, service.name)
    if owner then
        return nil, await_mount(service, mount, owner)
    end
    candidate.mount = mount
    service.claimed_mount = mount
    return true
end

-- The same until nobody has one of its RPC services, as `owner` has `name`.
local function await_rpc(service, rpc, name, owner)
    service.wanted_rpc = rpc
    return ("%s: the RPC service \"%s\" is that of the service '%s' (%s) already; give one of "
        .. "them another name"):format(service.place.path, name, owner.name, owner.place.path)
end

local function claim_rpc(self, service, candidate)
    local rpc = candidate.manifest.rpc
    local owner, name = self.catalog:owner_of_rpc(rpc, service.name)
    if owner then
        return nil, await_rpc(service, rpc, name, owner)
    end
    service.claimed_rpc = rpc
    return true
end

local function claim(self, service, candidate)
    local is_ok, message = claim_mount(self, service, candidate)
    if not is_ok then
        return nil, message
    end
    return claim_rpc(self, service, candidate)
end

--- Sends every worker its routing table: the switch.
function methods:route()
    if self.is_routing_paused then
        return
    end
    local home_of = function(name)
        return self.workers:home_of(name)
    end
    self.on_route()
    local settings = self.settings.worker
    local is_developing = settings.service.is_developing
    workers_module.each(self.workers:serving(), function(worker)
        return worker:call("route", {
            entries = self.catalog:routes(worker.slot, home_of, is_developing),
        }, settings.load_timeout_s)
    end)
end

local function discard(self, service, candidate)
    self.workers:call("discard", { service = service.name, generation = candidate.number }, 5)
end

local function fail(self, service, candidate, message)
    service.failures = service.failures + 1
    service.is_quarantined, service.taken_out = false, nil
    service.last_error = { message = message, at = host.wall_time(), generation = candidate.number }
    service.attempted = candidate.source
    discard(self, service, candidate)
    if service.live then
        log.event(service.name, "error", ("reload failed, generation %d stays: %s"):format(
            service.live.number, message))
    else
        log.event(service.name, "error", "the service failed to load: " .. message)
        self:route()
    end
end

--- Takes a live service out, and says why to whoever asks for it. Its file is looked at as if this
-- generation had failed to load.
function methods:take_out(service, message)
    local live = service.live
    service.live, service.attempted, service.taken_out = nil, live.source, live
    service.failures = service.failures + 1
    service.last_error = { message = message, at = host.wall_time(), generation = live.number }
    self:route()
end

local function switch(self, service, candidate, started_at)
    local is_first = service.live == nil
    service.is_quarantined, service.taken_out = false, nil
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
    return service.wanted_mount ~= nil or service.wanted_rpc ~= nil
end

-- Who has what `service` waits for, and which RPC service if it is one; nil when all is free.
local function blocker_of(self, service)
    if service.wanted_mount then
        return self.catalog:owner_of(service.wanted_mount, service.name)
    end
    return self.catalog:owner_of_rpc(service.wanted_rpc, service.name)
end

-- Whether one of `keys` was given away already in this round; if not, all are now.
local function is_given_before(is_given, keys)
    for _, key in ipairs(keys) do
        if is_given[key] then
            return true
        end
    end
    for _, key in ipairs(keys) do
        is_given[key] = true
    end
    return false
end

--- Tries the services again that failed only because another one had their mount or RPC service,
-- and has it no more. Of several the first by name is tried, and the next when that failed.
function methods:retry_blocked()
    local is_given = {}
    for _, service in ipairs(self.catalog:list(is_blocked)) do
        local keys = service.wanted_rpc or { service.wanted_mount }
        if not blocker_of(self, service) and not is_given_before(is_given, keys) then
            service.wanted_mount, service.wanted_rpc = nil, nil
            self:start_reload(service)
        end
    end
end

-- Takes from a service with a later name what `service` waits for. False when none has it.
local function evict_later(self, service)
    local owner, name = nil, nil
    if is_blocked(service) then
        owner, name = blocker_of(self, service)
    end
    local live = owner and owner.live
    if not live or owner.name < service.name then
        return false
    end
    owner.live = nil
    fail(self, owner, live, name and await_rpc(owner, live.manifest.rpc, name, service)
        or await_mount(owner, live.mount, service))
    return true
end

--- Which of two services with one mount, or one RPC service, has loaded first is chance. Before
-- anybody is answered the first by name gets it.
function methods:settle_claims()
    local is_unsettled = false
    for _, service in ipairs(self.catalog:list(is_blocked)) do
        while evict_later(self, service) do
            is_unsettled = true
            self:reload(service)
        end
        if is_unsettled and is_blocked(service) then
            self:reload(service)
        end
    end
end

-- True when its home died while it loaded, and that may not happen again.
local function may_try_again(self, service)
    local culprit = self.workers:get(self.workers:home_of(service.name)).culprit
    if culprit and culprit ~= service.name then
        return true
    end
    service.interruptions = service.interruptions + 1
    return service.interruptions <= MAX_INTERRUPTIONS
end

-- Returns true when the candidate is to be tried again.
local function try(self, service, candidate)
    local started_at = host.now()
    local holders, code, message = self.rollout:prepare(service, candidate, function()
        return claim(self, service, candidate)
    end)
    if holders then
        self.rollout:complete(service, candidate, holders)
        switch(self, service, candidate, started_at)
    elseif code == "closed" and may_try_again(self, service) then
        discard(self, service, candidate)
        return true
    else
        fail(self, service, candidate, message or code)
    end
    service.interruptions = 0
    return false
end

-- One attempt with the bytes that are there now. Returns true when it is to be made again.
local function attempt(self, service)
    local text, code = source.open(service.place)
    if code == "not_found" then
        -- Gone for now: if it stays so, the next look at the directory says it.
        return false
    end
    local candidate = { number = service.last_number + 1, source = text }
    local is_interrupted = false
    service.wanted_mount, service.wanted_rpc = nil, nil
    service.last_number = candidate.number
    service.candidate = candidate
    if text.script then
        is_interrupted = try(self, service, candidate)
    else
        fail(self, service, candidate, ("%s cannot be read: %s"):format(service.place.path, code))
    end
    service.claimed_mount, service.claimed_rpc = nil, nil
    service.candidate = nil
    self.on_change(service)
    self:retry_blocked()
    return is_interrupted
end

local function run(self, service)
    repeat
        service.is_due = false
        local is_interrupted = attempt(self, service)
    until not is_interrupted and not service.is_due
end

-- Whatever became of it, the next reload must not wait for this one.
local function on_finish(service, task, is_ok, failure, traceback)
    service.is_busy, service.candidate = false, nil
    service.claimed_mount, service.claimed_rpc = nil, nil
    if not is_ok then
        scheduler.on_failure(task, failure, traceback)
    end
    local waits = service.awaited_by
    service.awaited_by = {}
    for _, wait in ipairs(waits) do
        scheduler.wake(wait.task, wait.wait_id, true)
    end
end

--- Has `service` loaded anew, in a task of its own; while one reload runs, one more is remembered.
function methods:start_reload(service)
    service.is_due = true
    if service.is_busy then
        return
    end
    service.is_busy = true
    local task = scheduler.spawn(run, self, service)
    task.name = "reload " .. service.name
    scheduler.on_finish(task, function(...)
        on_finish(service, ...)
    end)
end

local function await(service)
    local task = scheduler.current()
    table.insert(service.awaited_by, { task = task, wait_id = task.wait_id })
    scheduler.wait()
end

--- The same, and waits for its end.
function methods:reload(service)
    self:start_reload(service)
    await(service)
end

--- Waits until no reload is under way.
function methods:await_all()
    for _, service in pairs(self.catalog:list()) do
        if service.is_busy then
            await(service)
        end
    end
end

--- Has the worker accept connections. Returns true, or nil, code, message.
function methods:open(worker)
    if self.is_routing_paused then
        return true
    end
    local is_ok, code, message = worker:call("open", nil, self.settings.worker.load_timeout_s)
    if not is_ok and code ~= "closed" then
        log.error(("worker %d cannot serve: %s"):format(worker.slot, message or code))
    end
    return is_ok, code, message
end

local function find_missing(self, worker, tried)
    for _, service in pairs(self.catalog.services) do
        local live = service.live
        if live and tried[service.name] ~= live.number
            and self.rollout:runs_on(service, live.manifest, worker) then
            return service
        end
    end
end

--- Loads everything that is live into a worker that has just come up, and lets it serve. What is
-- switched meanwhile is loaded too: the worker counts as serving from the moment nothing is
-- missing. When it dies meanwhile this ends: the process that takes its place is another matter.
function methods:restore(worker)
    local pid = worker.pid
    local tried = {} -- service -> number of the generation
    local service = find_missing(self, worker, tried)
    while service do
        tried[service.name] = service.live.number
        self.rollout:load_into(worker, service, service.live)
        if worker.pid ~= pid or worker.state ~= "up" then
            return
        end
        service = find_missing(self, worker, tried)
    end
    worker.is_serving = true
    self:route()
    self:open(worker)
end

return reload
