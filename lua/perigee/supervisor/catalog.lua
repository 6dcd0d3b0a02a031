--- Every service of the directory, with the generation that is live and what went wrong last.
-- Decides who owns a mount, and makes the routing table each worker gets.
local catalog = {}
local methods = {}
local metatable = { __index = methods }

function catalog.new()
    return setmetatable({
        services = {},
        numbers = {}, -- name of a service that was removed -> number of its last generation
    }, metatable)
end

--- The record of a service, made when it is not there.
function methods:ensure(name)
    local service = self.services[name]
    if not service then
        service = {
            name = name,
            place = nil,        -- where its script is (supervisor/directory.lua)
            live = nil,         -- { number=, source=, manifest=, mount= }
            candidate = nil,    -- what is being loaded, a live one to be
            attempted = nil,    -- the source that failed last, not tried again unchanged
            last_number = self.numbers[name] or 0,
            last_error = nil,   -- { message=, at= }
            reloads = 0,
            failures = 0,
            restarts = 0,
            is_quarantined = false, -- it crashed its worker too often
            crashes = nil,      -- when it did last (supervisor/quarantine.lua)
            taken_out = nil,    -- what was live before that
            is_busy = false,    -- a reload is under way
            is_due = false,     -- and another must follow
            interruptions = 0,  -- how often the worker died that loaded the candidate
            awaited_by = {},    -- waits of tasks for its end, { task=, wait_id= }
            missing_since = nil,
            claimed_mount = nil, -- the mount of the generation that is being loaded
            claimed_rpc = nil,   -- and its RPC services
            wanted_rpc = nil,    -- those another service has one of: why the last attempt failed
            wanted_mount = nil,  -- one that another service has: why the last attempt failed
        }
        self.services[name] = service
    end
    return service
end

function methods:get(name)
    return self.services[name]
end

--- Forgets the service. Should it come back, it goes on counting its generations: requests of its
-- former life may still be in flight.
function methods:remove(name)
    self.numbers[name] = self.services[name].last_number
    self.services[name] = nil
end

--- The services in order of name; only those for which is_wanted(service) holds, when it is given.
function methods:list(is_wanted)
    local list = {}
    for _, service in pairs(self.services) do
        if not is_wanted or is_wanted(service) then
            list[#list + 1] = service
        end
    end
    table.sort(list, function(a, b)
        return a.name < b.name
    end)
    return list
end

function catalog.default_mount(name)
    return "/" .. name
end

--- Another service that lives at `mount`, or is about to; nil when it is free.
function methods:owner_of(mount, except)
    for name, service in pairs(self.services) do
        if name ~= except then
            -- One that moves still has its old mount: it may fail and stay.
            local live_mount = service.live and service.live.mount
            if service.claimed_mount == mount or live_mount == mount then
                return service
            end
        end
    end
end

-- The first of the names `rpc` that is among `others`.
local function shared_name(rpc, others)
    for _, name in ipairs(rpc) do
        for _, other in ipairs(others or {}) do
            if name == other then
                return name
            end
        end
    end
end

--- Another service that has one of the RPC services `rpc`, or is about to, and which one that is;
-- nil when all are free. Of several the first by name.
function methods:owner_of_rpc(rpc, except)
    local owner, owned
    for name, service in pairs(self.services) do
        local shared = name ~= except and (shared_name(rpc, service.claimed_rpc)
            or service.live and shared_name(rpc, service.live.manifest.rpc))
        if shared and not (owner and owner.name < name) then
            owner, owned = service, shared
        end
    end
    return owner, owned
end

--- Every RPC service that is live with its methods, each in order of name, as rpc.describe tells
-- them: { { Name=, Methods = { { Name=, Args=, Reply=, Doc= }, ... } }, ... }
function methods:describe_rpc()
    local list, by_name = {}, {}
    for _, service in pairs(self.services) do
        for _, method in ipairs(service.live and service.live.manifest.methods or {}) do
            local rpc_name, name = method.name:match("^(.*)%.(.*)$")
            local described = by_name[rpc_name]
            if not described then
                described = { Name = rpc_name, Methods = {} }
                by_name[rpc_name], list[#list + 1] = described, described
            end
            table.insert(described.Methods, { Name = name, Args = method.args,
                Reply = method.reply, Doc = method.doc })
        end
    end
    table.sort(list, function(a, b)
        return a.Name < b.Name
    end)
    return list
end

-- A service without a live generation still answers at its usual place, with the reason: that of
-- one that was taken out names no file, and clients may see it. Its callers hear it, too.
local function failed_entry(self, service, is_developing)
    local before = service.taken_out
    local rpc = before and before.manifest.rpc
    return {
        mount = before and before.mount or catalog.default_mount(service.name),
        service = service.name,
        kind = "failed",
        reason = (is_developing or before) and service.last_error.message or nil,
        rpc = rpc and not self:owner_of_rpc(rpc, service.name) and rpc or nil,
    }
end

local function live_entry(service, slot, home)
    local live = service.live
    local is_local = live.manifest.replicas == "worker" or slot == home
    return {
        mount = live.mount,
        service = service.name,
        kind = is_local and "local" or "remote",
        generation = live.number,
        body_size = live.manifest.body_size,
        rpc = live.manifest.rpc,
        slot = home,
    }
end

--- The routing entries for the worker in `slot`. `home_of(name)` says where a service with one
-- replica runs. `is_developing`: the reasons of failures are shown to clients.
function methods:routes(slot, home_of, is_developing)
    local entries, taken = {}, {}
    for name, service in pairs(self.services) do
        if service.live then
            entries[#entries + 1] = live_entry(service, slot, home_of(name))
            taken[service.live.mount] = true
        end
    end
    for _, service in pairs(self.services) do
        local entry = not service.live and service.last_error
            and failed_entry(self, service, is_developing)
        if entry and not taken[entry.mount] then
            entries[#entries + 1] = entry
        end
    end
    return entries
end

return catalog
