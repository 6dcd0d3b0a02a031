--- Looks after the workers while the host runs: one that is stuck in a turn, does not answer or
-- does not come up is ended, so that another takes its place.
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local worker_watch = {}

local PULSE_CHECK_S = 0.05
local PING_INTERVAL_S = 1

-- For a process to say hello.
local START_S = 30

-- This process did not run itself when it wakes so much too late: with the whole host frozen, or no
-- processor to be had, nobody else can be blamed.
local LATE_S = 0.2

local function is_late(since, duration_s)
    return host.now() - since > duration_s + LATE_S
end

-- What hangs outside of a turn, and a process that was stopped, begins no turn and answers nobody.
local function ping(worker, limit_s)
    local asked_at, pid, turns = host.now(), worker.pid, worker.pulse:read().turns
    local is_ok, code = worker:call("ping", nil, limit_s)
    worker.is_pinged = false
    if not is_ok and code == "timeout" and not is_late(asked_at, limit_s) and worker.pid == pid
        and worker.pulse:read().turns == turns then
        worker:end_for(("has not answered for %g s: it was stopped, or hangs"):format(limit_s))
    end
end

local function look(worker, limit_s)
    if worker.state == "up" and not worker.is_pinged then
        worker.is_pinged = true
        scheduler.spawn(ping, worker, limit_s).name = "ping of worker " .. worker.slot
    elseif worker.state == "starting" and host.now() - worker.started_at > START_S then
        worker:end_for(("was not up after %g s"):format(START_S))
    end
end

-- Calls fn(worker, stall_s) for each again and again.
local function watch(supervisor, interval_s, fn)
    while not supervisor.is_stopping do
        local since = host.now()
        scheduler.wait(since + interval_s)
        for _, worker in ipairs(is_late(since, interval_s) and {} or supervisor.workers.list) do
            fn(worker, supervisor.settings.stall_s)
        end
    end
end

--- Begins, in tasks of its own.
-- @param supervisor of perigee.supervisor: its workers, settings.stall_s, and is_stopping, which
-- ends it
function worker_watch.start(supervisor)
    scheduler.spawn(watch, supervisor, PULSE_CHECK_S, function(worker, limit_s)
        worker:check_pulse(limit_s)
    end).name = "pulses"
    scheduler.spawn(watch, supervisor, PING_INTERVAL_S, look).name = "pings"
end

return worker_watch
