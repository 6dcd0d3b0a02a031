--- What becomes of an error that nobody takes: one event in the log, with the task, its spawn site
-- and the traceback.
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local failure = {}

local UNSHOWABLE = "an error that cannot be shown"

local function write(task, reason, traceback)
    local text = tostring(reason)
    if task.is_ended then
        text = "ended by the host: " .. text
    end
    log.error(("task %s failed: %s\n%s"):format(task.name or "?", text, traceback),
        { spawned_at = task.spawned_at })
end

--- Reports in a task of its own. Showing an error may run a script's code, such as `__tostring`,
-- and that belongs into a task, which can be cut and ended.
function failure.report(task, reason, traceback)
    local reporter = scheduler.spawn(write, task, reason, traceback)
    reporter.name = "report"
    reporter.on_finish = function(_, is_ok)
        if not is_ok and reason ~= UNSHOWABLE then
            failure.report(task, UNSHOWABLE, traceback)
        end
    end
end

return failure
