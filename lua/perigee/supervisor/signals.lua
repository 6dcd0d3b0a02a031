--- What a host does about signals: TERM and INT stop it, HUP reloads everything, USR1 opens the log
-- file anew, USR2 has a new process take its place.
local event = require "perigee.core.event"
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local shutdown = require "perigee.supervisor.shutdown"
local upgrade = require "perigee.supervisor.upgrade"

local SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM = 1, 2, 10, 12, 15

local function stop(supervisor)
    if supervisor.is_stopping then
        log.warn("stopped at once by a second signal")
        supervisor:kill_workers()
        host.exit(1)
        return
    end
    supervisor.is_stopping = true
    supervisor.manager:stopping()
    upgrade.cancel(supervisor)
    scheduler.spawn(shutdown, supervisor).name = "stop"
end

local function reload_all(supervisor)
    supervisor.manager:reloading()
    supervisor:refresh(true)
    supervisor.reload:await_all()
    supervisor:tell_ready()
end

local function replace(supervisor)
    if upgrade.run(supervisor) then
        shutdown(supervisor, true)
    end
end

local handlers = {
    [SIGTERM] = stop,
    [SIGINT] = stop,
    [SIGHUP] = function(supervisor)
        log.info("reloading everything")
        scheduler.spawn(reload_all, supervisor).name = "reload all"
    end,
    [SIGUSR1] = function(supervisor)
        local workers = supervisor.workers
        host.log_reopen()
        scheduler.spawn(workers.call, workers, "log_reopen").name = "reopen the log"
    end,
    [SIGUSR2] = function(supervisor)
        if supervisor.is_loaded and not supervisor.is_stopping then
            scheduler.spawn(replace, supervisor).name = "upgrade"
        else
            log.warn("upgrade: not while the host starts or stops")
        end
    end,
}

--- Has signals of this process handled from now on.
-- @param supervisor of perigee.supervisor
return function(supervisor)
    scheduler.on_event(event.SIGNAL, function(_, signal)
        handlers[signal](supervisor)
    end)
    for signal in pairs(handlers) do
        assert(host.watch_signal(signal))
    end
end
