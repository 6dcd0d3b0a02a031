--- Calls fn(item) for each of `list` at once, in tasks of their own, and waits for all. Returns the
-- results by index, each { value, code, detail }; an error in fn is { nil, "failed", message } and
-- logged.
local scheduler = require "perigee.core.scheduler"

return function(list, fn)
    local task = scheduler.current()
    local wait_id = task.wait_id
    local results, left = {}, #list
    for i, item in ipairs(list) do
        local one = scheduler.spawn(function()
            results[i] = { fn(item) }
        end)
        scheduler.on_finish(one, function(finished, is_ok, failure, traceback)
            if not is_ok then
                results[i] = { nil, "failed", tostring(failure) }
                scheduler.on_failure(finished, failure, traceback)
            end
            left = left - 1
            if left == 0 then
                scheduler.wake(task, wait_id, true)
            end
        end)
    end
    if left > 0 then
        scheduler.wait()
    end
    return results
end
