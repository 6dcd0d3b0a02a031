--- What becomes of an error that nobody takes: one event in the log, with the task, its spawn site
-- and the traceback.
local log = require "perigee.log"

local failure = {}

function failure.report(task, reason, traceback)
    local text = tostring(reason)
    if task.is_ended then
        text = "ended by the host: " .. text
    end
    log.error(("task %s failed: %s\n%s"):format(task.name or "?", text, traceback),
        { spawned_at = task.spawned_at })
end

return failure
