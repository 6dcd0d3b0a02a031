--- A generation in every worker that is to run it: loaded and started there, not yet switched to.
local host = require "host"
local log = require "perigee.log"
local policy = require "perigee.service.policy"
local scheduler = require "perigee.core.scheduler"
local workers_module = require "perigee.supervisor.workers"

local rollout = {}
local methods = {}
local metatable = { __index = methods }

local AWAIT_STEP_S = 0.02

--- `options` = { workers=, settings= }.
function rollout.new(options)
    return setmetatable({ workers = options.workers, settings = options.settings }, metatable)
end

-- A worker process that holds a candidate, or is about to: this very one, and not the one that has
-- come up in its place.
local function holder_of(worker)
    return { worker = worker, slot = worker.slot, pid = worker.pid }
end

local function call_holder(holder, op, body, timeout_s)
    if holder.worker.pid ~= holder.pid then
        return nil, "closed", ("worker %d was restarted"):format(holder.slot)
    end
    return holder.worker:call(op, body, timeout_s)
end

local function load_on(self, holder, service, candidate)
    return call_holder(holder, "load", {
        service = service.name,
        generation = candidate.number,
        source = candidate.source.script,
        chunk = candidate.source.place.path,
        memory_size = self.settings.memory_size,
        policy = policy.of(self.settings.policies, service.name),
    }, self.settings.worker.load_timeout_s + 1)
end

-- The worker waits for the old generation's requests, its save() and the new one's start(), each
-- with a limit of its own.
local function start_on(self, holder, service, candidate)
    local settings = self.settings.worker
    return call_holder(holder, "start", { service = service.name, generation = candidate.number },
        settings.hand_over_s + settings.stop_timeout_s + settings.load_timeout_s + 1)
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
            rest[#rest + 1] = holder_of(worker)
        end
    end
    return rest
end

-- The worker that loads a generation first. One that is being restarted is waited for.
local function await_home(self, service)
    local home = self.workers:get(self.workers:home_of(service.name))
    local deadline = host.now() + self.settings.worker.load_timeout_s
    while not home.is_serving and host.now() < deadline do
        scheduler.wait(host.now() + AWAIT_STEP_S)
    end
    return home
end

-- Loads the candidate into its home, which tells what it is, and then into the other workers that
-- are to run it. Returns those that hold it, its home first; or nil, code, message.
local function load_everywhere(self, service, candidate, accept)
    local home = holder_of(await_home(self, service))
    local manifest, code, detail = load_on(self, home, service, candidate)
    if not manifest then
        return nil, code, detail
    end
    candidate.manifest = manifest
    local is_ok, message = accept()
    if not is_ok then
        return nil, "failed", message
    elseif manifest.replicas ~= "worker" then
        return { home }
    end
    local holders = others(self.workers:serving(), home.slot)
    local failure = first_failure(workers_module.each(holders, function(holder)
        return load_on(self, holder, service, candidate)
    end))
    if failure then
        return nil, "failed", failure
    end
    table.insert(holders, 1, home)
    return holders
end

-- Returns true, or nil, code, message; "closed" when its home is gone.
local function start_everywhere(self, service, candidate, holders)
    local results = workers_module.each(holders, function(holder)
        return start_on(self, holder, service, candidate)
    end)
    local of_home = results[holders[1].slot]
    if of_home[1] == nil then
        return nil, of_home[2], of_home[3]
    end
    local failure = first_failure(results)
    if failure then
        return nil, "failed", failure
    end
    return true
end

--- Phase one. accept() is asked once its manifest is known, and returns true, or nil and a
-- message. Returns the workers that hold the candidate, started; or nil, code, message: "closed"
-- when the worker died that loads it first.
function methods:prepare(service, candidate, accept)
    local holders, code, message = load_everywhere(self, service, candidate, accept)
    if not holders then
        return nil, code, message
    end
    local is_ok
    is_ok, code, message = start_everywhere(self, service, candidate, holders)
    if not is_ok then
        return nil, code, message
    end
    return holders
end

--- Whether `worker` is to run a service with this manifest.
function methods:runs_on(service, manifest, worker)
    return manifest.replicas == "worker" or self.workers:home_of(service.name) == worker.slot
end

--- Loads and starts what is live, or about to be, into one more worker.
function methods:load_into(worker, service, live)
    local holder = holder_of(worker)
    local is_ok, code, detail = load_on(self, holder, service, live)
    if is_ok then
        is_ok, code, detail = start_on(self, holder, service, live)
    end
    if not is_ok and code ~= "closed" then
        log.event(service.name, "error", ("could not be loaded into worker %d again: %s")
            :format(worker.slot, detail))
    end
end

local function find_lacking(self, service, candidate, asked)
    for _, worker in ipairs(self.workers:serving()) do
        if not asked[worker.pid] and self:runs_on(service, candidate.manifest, worker) then
            return worker
        end
    end
end

--- A worker that came back while the others prepared the candidate must have it too before any
-- switches; and one that came back while that one loads it.
function methods:complete(service, candidate, holders)
    local asked = {}
    for _, holder in ipairs(holders) do
        asked[holder.pid] = true
    end
    local worker = find_lacking(self, service, candidate, asked)
    while worker do
        asked[worker.pid] = true
        self:load_into(worker, service, candidate)
        worker = find_lacking(self, service, candidate, asked)
    end
end

return rollout
