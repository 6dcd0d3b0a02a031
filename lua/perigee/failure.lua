--- What becomes of an error that nobody takes: one event in the log, with the task, its spawn site
-- and the traceback.
local log_settings = require "perigee.core.log_settings"
local log_writer = require "perigee.core.log_writer"
local scheduler = require "perigee.core.scheduler"
local where = require "perigee.core.where"

local failure = {}

local UNSHOWABLE = "an error that cannot be shown"

-- A task that a script started goes by its function.
local function name_of(task)
    local place = task.site and where.of(task.fn)
    if place and not place:find("^perigee/") then
        return place
    end
    return task.name or "?"
end

local function write(task, reason, traceback)
    local text = tostring(reason)
    if task.is_ended then
        text = "ended by the host: " .. text
    end
    local site = task.site
    if site and site.traceback then
        traceback = ("%s\nstarted by:%s"):format(traceback, site.traceback)
    end
    log_writer.write("error", log_settings.name,
        ("task %s failed: %s\n%s"):format(name_of(task), text, traceback),
        { spawned_at = site and site.at or nil })
end

--- Reports at once; but what is no plain value in a task of its own. Showing it may run a script's
-- code, such as `__tostring`, and that belongs into a task, which can be cut and ended.
function failure.report(task, reason, traceback)
    if type(reason) ~= "table" and type(reason) ~= "userdata" then
        write(task, reason, traceback)
        return
    end
    local reporter = scheduler.spawn(write, task, reason, traceback)
    reporter.name = "report"
    scheduler.on_finish(reporter, function(_, is_ok)
        if not is_ok then
            write(task, UNSHOWABLE, traceback)
        end
    end)
end

return failure
