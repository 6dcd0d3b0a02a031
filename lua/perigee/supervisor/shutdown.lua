--- The end of a host, in order: it leaves the registry, goes on serving until others have heard of
-- that, drains every worker, and ends them.
local cut = require "perigee.core.cut"
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

-- What a worker gets beyond the drain deadline to say that it is done, and then to exit.
local STOP_MARGIN_S, EXIT_S = 5, 2

local EXIT_STEP_S = 0.01

-- The exit status when something outlasted the deadline.
local CUT_STATUS = 3

-- Returns what outlasted the deadline.
local function drain(workers, drain_s, is_upgrade)
    local total, deadline = cut.none(), host.now() + drain_s
    workers:call("drain", { drain_s = drain_s, is_upgrade = is_upgrade == true },
        drain_s + STOP_MARGIN_S)
    for _, result in pairs(workers:call("retire", { drain_s = deadline - host.now() },
        drain_s + STOP_MARGIN_S)) do
        cut.add(total, result[1])
    end
    return total
end

-- Says what was cut. Returns the exit status.
local function report(total)
    local title = cut.title(total)
    if not title then
        log.info("stopped", cut.fields(total, "cut_"))
        return 0
    end
    log.warn(("stopped: %s were cut at the drain deadline"):format(title),
        cut.fields(total, "cut_"))
    return CUT_STATUS
end

local function has_children(list)
    for _, worker in ipairs(list) do
        if worker.child then
            return true
        end
    end
    return false
end

local function await_exits(list)
    for _, worker in ipairs(list) do
        worker:call("exit", nil, 1)
    end
    local deadline = host.now() + EXIT_S
    while has_children(list) and host.now() < deadline do
        scheduler.wait(host.now() + EXIT_STEP_S)
    end
end

-- Tells others that this host goes, and serves until they know.
local function leave(supervisor)
    supervisor.membership:leave()
    scheduler.wait(host.now() + supervisor.settings.drain_delay_s)
end

--- Runs to the end of the process.
-- @param supervisor of perigee.supervisor
-- @param is_upgrade true when another process has taken its place, and nobody has to hear of it
return function(supervisor, is_upgrade)
    local drain_s, list = supervisor.settings.worker.drain_s, supervisor.workers.list
    log.info("stopping: no new connections, what runs is finished", { deadline_s = drain_s })
    if not is_upgrade then
        leave(supervisor)
    end
    for _, worker in ipairs(list) do
        worker.is_wanted = false
    end
    local total = drain(supervisor.workers, drain_s, is_upgrade)
    supervisor.metrics:close()
    supervisor.traces:close()
    await_exits(list)
    supervisor:kill_workers()
    supervisor.membership:close()
    host.exit(report(total))
end
