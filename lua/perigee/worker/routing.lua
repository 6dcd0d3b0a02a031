--- Which mounts of a worker go where. The supervisor sends the whole table at each switch; C knows
-- only which isolate a mount belongs to. What is not answered by a service's own isolate comes to
-- the worker's: requests for services of another worker, for services that failed to load, and
-- those held back during a hand-over.
local host = require "host"
local host_methods = require "perigee.worker.host_methods"

local routing = {}

local SYSTEM

-- mount -> { service=, kind="local"|"remote"|"failed", generation=, slot=, body_size=, reason= }
local entries = {}
local by_rpc_name = {} -- RPC service -> its entry
local held = {}    -- service -> { exchanges = ids, calls = ids }
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
    local mounts, methods = {}, { { host_methods.SERVICE, SYSTEM } }
    for mount, entry in pairs(entries) do
        mounts[#mounts + 1] = { mount, target_of(entry), entry.body_size }
    end
    for name, entry in pairs(by_rpc_name) do
        methods[#methods + 1] = { name, target_of(entry) }
    end
    assert(host.set_mounts(mounts))
    assert(host.set_methods(methods))
end

--- Replaces the table.
function routing.replace(list)
    entries, by_rpc_name = {}, {}
    for _, entry in ipairs(list) do
        entries[entry.mount] = entry
        for _, name in ipairs(entry.rpc or {}) do
            by_rpc_name[name] = entry
        end
    end
    routing.refresh()
end

--- The entry of a mount; nil for one that is gone.
function routing.find(mount)
    return entries[mount]
end

--- The entry that has an RPC service; nil when none has.
function routing.find_rpc(name)
    return by_rpc_name[name]
end

--- Requests for `service` wait from now on.
function routing.hold(service)
    held[service] = held[service] or { exchanges = {}, calls = {} }
    routing.refresh()
end

--- Gives a request to its service, which is live in this worker: it came while the service was
-- held, and was looked at when that was over. False when the service is not live here.
function routing.pass_on(entry, exchange_id)
    local target = target_of(entry)
    return target ~= SYSTEM and host.exchange_hand_over(exchange_id, target)
end

--- The same of a call.
function routing.pass_call_on(entry, call_id)
    local target = target_of(entry)
    return target ~= SYSTEM and host.call_hand_over(call_id, target)
end

--- Keeps one request that came while its service is held. False when it is not.
function routing.keep(service, exchange_id)
    local kept = held[service]
    if kept then
        table.insert(kept.exchanges, exchange_id)
    end
    return kept ~= nil
end

--- The same of a call.
function routing.keep_call(service, call_id)
    local kept = held[service]
    if kept then
        table.insert(kept.calls, call_id)
    end
    return kept ~= nil
end

--- Lets requests for `service` go on, those that waited first, to whatever generation the table
-- names now.
function routing.release(service)
    local kept = held[service]
    if not kept then
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
    for _, exchange_id in ipairs(kept.exchanges) do
        host.exchange_hand_over(exchange_id, target)
    end
    for _, call_id in ipairs(kept.calls) do
        host.call_hand_over(call_id, target)
    end
end

--- True while the service is held.
function routing.is_held(service)
    return held[service] ~= nil
end

return routing
