--- All workers of this host, and which of them runs a service that runs only once.
local parallel = require "perigee.core.parallel"

local workers = {}
local methods = {}
local metatable = { __index = methods }

--- `list` holds the worker processes in the order of their slots.
function workers.new(list)
    return setmetatable({ list = list }, metatable)
end

function methods:count()
    return #self.list
end

function methods:get(slot)
    return self.list[slot]
end

--- The slot of the worker that runs `service` when it runs only once. Spread by name, so that
-- restarts do not move it.
function methods:home_of(service)
    local sum = 0
    for i = 1, #service do
        sum = (sum * 31 + service:byte(i)) % 65521
    end
    return sum % #self.list + 1
end

--- Calls fn(worker) for each of `list` at once and waits for all. Returns the results by slot: {
-- value, code, detail }.
function workers.each(list, fn)
    local by_slot = {}
    for i, result in pairs(parallel(list, fn)) do
        by_slot[list[i].slot] = result
    end
    return by_slot
end

--- What workers.each gives, as a list in the order of the slots: { slot =, value =, code =,
-- detail = }.
function workers.in_order(by_slot)
    local list = {}
    for slot, result in pairs(by_slot) do
        list[#list + 1] = { slot = slot, value = result[1], code = result[2], detail = result[3] }
    end
    table.sort(list, function(a, b)
        return a.slot < b.slot
    end)
    return list
end

--- Those that serve: they hold every live generation.
function methods:serving()
    local list = {}
    for _, worker in ipairs(self.list) do
        if worker.is_serving then
            list[#list + 1] = worker
        end
    end
    return list
end

--- See peer:call, to every worker that serves.
function methods:call(op, body, timeout_s)
    return workers.each(self:serving(), function(worker)
        return worker:call(op, body, timeout_s)
    end)
end

return workers
