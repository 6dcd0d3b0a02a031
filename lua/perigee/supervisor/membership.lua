--- This host in the registry: every live service is registered, with what it is now, and what the
-- registry knows of other hosts is passed on to the workers whose services ask.
local log = require "perigee.log"
local registry = require "perigee.registry"
local snapshot = require "perigee.supervisor.snapshot"
local task = require "perigee.core.task"

local methods = {}
local metatable = { __index = methods }

local membership = {}

-- To tell the registry that this host goes; what it does not hear then, it learns from silence.
local LEAVE_S = 3

-- Names of services that are asked for. A service may make them up out of what its clients say.
local MOST_NAMES = 4096

--- Opens it. `settings` = { location =, advertise = host name or address, zone =, ttl_s =,
-- snapshot_path = }; `addresses` are those the host listens on.
function membership.open(settings, addresses)
    local self = setmetatable({
        settings = settings,
        addresses = addresses,
        wanted = {},      -- id -> the record that is registered
        subscribers = {}, -- name of a service -> set of workers whose services ask for it
        name_count = 0,   -- of those
        is_leaving = false,
    }, metatable)
    self.registry = registry.open(settings.location, {
        ttl_s = settings.ttl_s,
        on_change = function(name, list)
            self:pass_on(name, list)
        end,
    })
    if settings.snapshot_path then
        self.snapshot = snapshot.open(settings.snapshot_path, self.registry.known)
    end
    return self
end

-- "10.0.0.7:8080" from what is advertised and what is listened on; nil for a unix socket.
local function advertised(self, address)
    local port = address and address:match(":(%d+)$")
    local name = self.settings.advertise
    return port and (name:find(":", 1, true) and "[%s]:%s" or "%s:%s"):format(name, port) or nil
end

local function add(records, record)
    record.id = registry.id_of(record.service, record.address)
    records[record.id] = record
end

-- A service with HTTP is an instance by its own name, and each of its RPC services one by theirs.
local function add_records(self, records, service, http_address, rpc_address)
    local live, manifest = service.live, service.live.manifest
    local function record_of(name, address)
        return {
            service = name, address = address, rpc = rpc_address,
            mount = manifest.has_http and live.mount or nil, version = manifest.version,
            generation = live.number, zone = self.settings.zone, metadata = manifest.metadata,
        }
    end
    if manifest.has_http and http_address then
        add(records, record_of(service.name, http_address))
    end
    for _, name in ipairs(rpc_address and manifest.rpc or {}) do
        add(records, record_of(name, rpc_address))
    end
end

--- Registers what is live now, and deregisters what is no more. Waits for nothing.
function methods:update(services)
    if self.is_leaving then
        return
    end
    local records = {}
    local http_address = advertised(self, self.addresses.http or self.addresses.https)
    local rpc_address = advertised(self, self.addresses.rpc)
    for _, service in ipairs(services) do
        if service.live then
            add_records(self, records, service, http_address, rpc_address)
        end
    end
    for id, registration in pairs(self.wanted) do
        if not records[id] then
            self.wanted[id] = nil
            task.go(registration.deregister, registration).name = "deregister " .. id
        end
    end
    for id, record in pairs(records) do
        local present = self.wanted[id]
        if not present or not registry.are_same(present.record, record) then
            self.wanted[id] = self.registry:register(record)
        end
    end
end

--- Passes a list on to the workers that asked for it.
function methods:pass_on(name, list)
    for worker in pairs(self.subscribers[name] or {}) do
        if worker.state == "up" then
            worker.peer:notify("instances", { name = name, list = list })
        end
    end
    if self.snapshot then
        self.snapshot:note_change()
    end
end

--- What is known of a service, for a worker, which is told of every change from then on. Returns
-- { list = } or nil and a message while nothing is known, or when too many names were asked for.
function methods:watch(name, worker)
    if not self.subscribers[name] then
        if self.name_count >= MOST_NAMES then
            return nil, ("this host has asked for %d services, and for no more"):format(MOST_NAMES)
        end
        self.subscribers[name] = {}
        self.name_count = self.name_count + 1
    end
    self.subscribers[name][worker] = true
    local list, _, detail = self.registry:instances(name)
    return list and { list = list }, detail
end

--- The names of all services, or nil and a message.
function methods:list()
    local names, code, detail = self.registry:list()
    return names, detail or code
end

--- What /status tells.
function methods:status()
    local status = self.registry:status()
    -- What stands before @ is a secret.
    status.location = self.settings.location:gsub("//[^/]*@", "//")
    return status
end

-- Done in a task of its own, so that a registry that does not answer holds nothing up.
local function leave(self)
    local is_ok, code, detail = self.registry:leave()
    if not is_ok then
        log.warn(("registry: it was not told that this host goes: %s"):format(detail or code))
    end
end

--- Deregisters everything; services that still work may ask for others. Waits at most three
-- seconds; what is left ends with its time to live.
function methods:leave()
    if self.is_leaving then
        return
    end
    self.is_leaving = true
    task.go(leave, self):join(LEAVE_S)
end

--- Another process of this host registers the same from now on: this one beats no more, and
-- deregisters nothing. Services that still work may ask for others.
function methods:hand_over()
    self.is_leaving, self.is_handed_over = true, true
    self.registry:hand_over()
end

--- Writes down what is known. The process ends.
function methods:close()
    if self.snapshot and not self.is_handed_over then
        self.snapshot:close()
    end
end

return membership
