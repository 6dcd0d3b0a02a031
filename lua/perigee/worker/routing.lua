--- Which mounts of a worker go where. The supervisor sends the whole table at each switch; C knows
-- only which isolate a mount belongs to. What is not answered by a service's own isolate comes to
-- the worker's: requests for services of another worker, for services that failed to load, and
-- those held back during a hand-over.
local host = require "host"

local routing = {}

local SYSTEM

-- mount -> { service=, kind="local"|"remote"|"failed", generation=, slot=, body_size=, reason= }
local entries = {}
local held = {}    -- service -> list of exchange ids
local find_local   -- function(service, generation number) -> generation

function routing.configure(options)
    find_local = options.find_local
    SYSTEM = options.system_handle
end

local function target_of(entry)
    if entry.kind ~= "local" or held[entry.service] then
        return SYSTEM
    end
    local generation = find_local(entry.service, entry.generation)
    return generation and generation.handle or SYSTEM
end

--- Tells C again, after a generation has come or gone.
function routing.refresh()
    local mounts = {}
    for mount, entry in pairs(entries) do
        mounts[#mounts + 1] = { mount, target_of(entry), entry.body_size }
    end
    assert(host.set_mounts(mounts))
end

--- Replaces the table.
function routing.replace(list)
    entries = {}
    for _, entry in ipairs(list) do
        entries[entry.mount] = entry
    end
    routing.refresh()
end

--- The entry of a mount; nil for one that is gone.
function routing.find(mount)
    return entries[mount]
end

--- Requests for `service` wait from now on.
function routing.hold(service)
    held[service] = held[service] or {}
    routing.refresh()
end

--- Keeps one request that came while its service is held. False when it is not.
function routing.keep(service, exchange_id)
    local list = held[service]
    if list then
        list[#list + 1] = exchange_id
    end
    return list ~= nil
end

--- Lets requests for `service` go on, those that waited first, to whatever generation the table
-- names now.
function routing.release(service)
    local list = held[service]
    if not list then
        return
    end
    held[service] = nil
    routing.refresh()
    local target = SYSTEM
    for _, entry in pairs(entries) do
        if entry.service == service then
            target = target_of(entry)
        end
    end
    for _, exchange_id in ipairs(list) do
        host.exchange_hand_over(exchange_id, target)
    end
end

--- True while the service is held.
function routing.is_held(service)
    return held[service] ~= nil
end

return routing
