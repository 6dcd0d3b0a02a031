--- Tasks that compute for long without waiting, as the host tells of them when it cuts one: whoever
-- has a budget of its own gets that, and the log is warned in time.
local host = require "host"
local lazy = require "perigee.core.lazy"
local log_settings = require "perigee.core.log_settings"
local scheduler = require "perigee.core.scheduler"

local census = lazy "perigee.core.census"
local log_writer = lazy "perigee.core.log_writer"

local overrun = {}

-- The worker's orders have deadlines of their own, behind which there is no isolate any more.
local ORDERS = { load = true, start = true, save = true, stop = true }

-- No more warnings of one service than this often.
local PAUSE_S = 10

local next_warning_at, silent_count = 0, 0

-- Seconds; nil for that of the service, 0 for none.
local function budget_of(task)
    local asked = task.site
    if not asked then
        return ORDERS[task.name] and 0 or nil
    end
    return asked.route and asked.route.cpu_s
end

local function warn(task, used_s, traceback)
    local now = scheduler.now()
    if now < next_warning_at then
        silent_count = silent_count + 1
        return
    end
    local described = census.describe(task)
    log_writer.write("warn", log_settings.name, ("%s has computed for %d ms without waiting%s")
        :format(described.name, used_s * 1000, traceback and "\n" .. traceback or ""),
        { at = described.at, not_told = silent_count > 0 and silent_count or nil })
    next_warning_at, silent_count = now + PAUSE_S, 0
end

--- See scheduler.on_cut.
function overrun.take(task, used_s, traceback)
    local budget_s = budget_of(task)
    if budget_s then
        host.set_task_budget(budget_s)
    end
    if traceback then
        warn(task, used_s, traceback)
    end
end

return overrun
