--- How long each phase of a request may take, and whose fault it was when one took longer: the
-- message names the setting.
local context = require "perigee.core.context"
local scheduler = require "perigee.core.scheduler"

local time_limits = {}

--- Setting -> its default in seconds; nil: no limit of its own.
time_limits.DEFAULTS = {
    timeout_s = 2,           -- until the call returns: all redirects and attempts together
    lookup_timeout_s = 2,
    connect_timeout_s = 1,
    tls_timeout_s = 2,
    head_timeout_s = nil,
    progress_timeout_s = 10, -- between two pieces of a body
}

--- The names of the settings.
time_limits.NAMES = { "timeout_s", "lookup_timeout_s", "connect_timeout_s", "tls_timeout_s",
    "head_timeout_s", "progress_timeout_s" }

-- Phase -> its setting, and what goes on in it.
local PHASES = {
    turn = { "timeout_s", "waiting for a free connection" },
    lookup = { "lookup_timeout_s", "looking up the name" },
    connect = { "connect_timeout_s", "connecting" },
    tunnel = { "connect_timeout_s", "waiting for the proxy" },
    tls = { "tls_timeout_s", "shaking hands" },
    head = { "head_timeout_s", "waiting for the response" },
    body = { "progress_timeout_s", "reading the body" },
}

local methods = {}
local metatable = { __index = methods }

--- Begins to measure a call.
-- @param given settings of the call
-- @param settings of the client
function time_limits.start(given, settings)
    local self = setmetatable({ started = scheduler.now(), is_given = {} }, metatable)
    for _, name in ipairs(time_limits.NAMES) do
        self[name] = given[name] or settings[name] or time_limits.DEFAULTS[name]
        self.is_given[name] = given[name] ~= nil or settings[name] ~= nil
    end
    self.deadline = self.started + self.timeout_s
    return self
end

--- The deadline of a phase that begins now.
-- @param deadline that holds besides, or nil
function methods:deadline_of(phase, deadline)
    local seconds = self[PHASES[phase][1]]
    local own = seconds and scheduler.now() + seconds
    return own and deadline and math.min(own, deadline) or own or deadline
end

--- Says which limit was reached in a phase that has just ended with "timeout".
-- @param deadline that held besides
function methods:explain(phase, deadline)
    local name, doing = unpack(PHASES[phase])
    if context.current():err() == "timeout" then
        return ("timeout while %s (the deadline of the task's context)"):format(doing)
    elseif deadline == self.deadline and scheduler.now() >= deadline or not self[name] then
        name = "timeout_s"
    end
    return ("timeout after %.0f ms while %s (%s%s)"):format(self[name] * 1000, doing, name,
        self.is_given[name] and "" or " by default")
end

return time_limits
