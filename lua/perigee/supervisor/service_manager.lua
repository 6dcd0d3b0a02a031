--- What systemd, or whoever else set NOTIFY_SOCKET, is told about this host: sd_notify(3).
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local service_manager = {}
local methods = {}
local metatable = { __index = methods }

local US = 1000000

-- Half of the time that systemd waits for a sign of life, or nil when it expects none of us.
local function watchdog_interval(getenv)
    local pid, timeout_us = getenv("WATCHDOG_PID"), tonumber(getenv("WATCHDOG_USEC"))
    if timeout_us and timeout_us > 0 and (not pid or tonumber(pid) == host.pid()) then
        return timeout_us / US / 2
    end
end

--- `getenv` is os.getenv. Without NOTIFY_SOCKET nobody is told anything.
function service_manager.new(getenv)
    local path = getenv("NOTIFY_SOCKET")
    return setmetatable({
        address = path and path ~= "" and "unix:" .. path or nil,
        watchdog_s = watchdog_interval(getenv),
        is_told = true, -- false once it was handed to another process
    }, metatable)
end

--- Tells it some of its variables: manager:tell("READY=1", "STATUS=fine").
function methods:tell(...)
    if not self.address or not self.is_told then
        return
    end
    local is_ok, code = host.send_datagram(self.address, table.concat({ ... }, "\n"))
    if not is_ok and not self.is_failure_logged then
        self.is_failure_logged = true
        log.warn(("the service manager at NOTIFY_SOCKET cannot be told how this host is: %s")
            :format(code))
    end
end

local function feed_watchdog(self)
    while self.is_told do
        self:tell("WATCHDOG=1")
        scheduler.wait(host.now() + self.watchdog_s)
    end
end

--- The host serves. From now on it gives signs of life, if they are expected.
-- @param status a line for people
function methods:ready(status)
    self:tell("READY=1", "STATUS=" .. status, "MAINPID=" .. host.pid())
    if self.address and self.watchdog_s and not self.watchdog then
        self.watchdog = scheduler.spawn(feed_watchdog, self)
        self.watchdog.name = "signs of life"
    end
end

--- A reload has begun; `ready` tells its end.
function methods:reloading()
    self:tell("RELOADING=1", ("MONOTONIC_USEC=%.0f"):format(host.now() * US),
        "STATUS=reloading everything")
end

function methods:stopping()
    self:tell("STOPPING=1", "STATUS=finishing what runs")
end

--- Another process is the host from now on, and tells the rest.
function methods:hand_over(pid)
    self:tell("MAINPID=" .. pid)
    self.is_told = false
end

return service_manager
