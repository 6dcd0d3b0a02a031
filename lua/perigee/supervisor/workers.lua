--- All workers of this host, and which of them runs a service that runs only once.
local scheduler = require "perigee.core.scheduler"

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

--- The slot of the worker that runs `service` when it runs only once. Spread by name, so that restarts do not move it.
function methods:home_of(service)
    local sum = 0
    for i = 1, #service do
        sum = (sum * 31 + service:byte(i)) % 65521
    end
    return sum % #self.list + 1
end

--- Calls fn(worker) for each of `list` at once, in tasks of their own, and waits for all.
-- Returns the results by slot: { value, code, detail }.
function workers.each(list, fn)
    local task = scheduler.current()
    local wait_id = task.wait_id
    local results, left = {}, #list
    for _, worker in ipairs(list) do
        scheduler.spawn(function()
            results[worker.slot] = { fn(worker) }
        end).on_finish = function(failed_task, is_ok, failure, traceback)
            if not is_ok then
                results[worker.slot] = { nil, "failed", tostring(failure) }
                scheduler.on_failure(failed_task, failure, traceback)
            end
            left = left - 1
            if left == 0 then
                scheduler.wake(task, wait_id, true)
            end
        end
    end
    if left > 0 then
        scheduler.wait()
    end
    return results
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
