--- Timers, as Go has them: one that fires once, into a channel or by a task, and one that ticks.
-- The clock is the one of perigee.now, which is never set.
local channel = require "perigee.core.channel"
local membership = require "perigee.core.membership"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"
local site = require "perigee.core.site"

local timer = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("%s (%s)"):format(self.period and "ticker" or "timer",
        self.pending and "active" or "stopped")
end

local function check_seconds(seconds, name)
    if type(seconds) ~= "number" or seconds ~= seconds then
        error(("%s takes seconds, got %s"):format(name, tostring(seconds)), 3)
    end
    return seconds
end

local active_count = 0

local function check_room()
    if quotas.timers and active_count >= quotas.timers then
        error(quotas.refuse("timers"), 3)
    end
end

local fire

local function start(self, deadline)
    active_count = active_count + 1
    self.deadline = deadline
    self.pending = scheduler.at(deadline, fire, self)
end

local function start_task(self)
    local started = scheduler.spawn(self.fn)
    started.site, started.name = self.site, self.site.at
    membership.move(started, self.context)
end

-- Runs outside of tasks.
function fire(self)
    self.pending = false
    active_count = active_count - 1
    if self.fn then
        start_task(self)
        return
    end
    local time = scheduler.now()
    if self.period then
        -- Ticks that nobody could have taken are left out.
        local late_count = math.floor(math.max(0, time - self.deadline) / self.period)
        start(self, self.deadline + (late_count + 1) * self.period)
    end
    -- The channel holds one: a slow receiver misses the next.
    channel.try_send(self.channel, time)
end

local function new(fields)
    fields.channel = not fields.fn and channel.new(1) or nil
    return setmetatable(fields, metatable)
end

--- A timer that sends the time on its `channel` once, after `seconds`.
function timer.timer(seconds)
    check_room()
    local self = new({})
    start(self, scheduler.now() + check_seconds(seconds, "perigee.timer"))
    return self
end

--- A channel that receives the time once, after `seconds`.
function timer.after(seconds)
    check_room()
    local self = new({})
    start(self, scheduler.now() + check_seconds(seconds, "perigee.after"))
    return self.channel
end

--- Runs fn() as a task of its own after `seconds`, in the context of the caller. Returns a timer
-- that can be stopped.
function timer.after_func(seconds, fn)
    check_seconds(seconds, "perigee.after_func")
    if type(fn) ~= "function" then
        error(("perigee.after_func takes a function, got %s"):format(type(fn)), 2)
    end
    check_room()
    local running = scheduler.current()
    local self = new({ fn = fn, site = site.here(2),
        context = running and running.context or scheduler.background })
    start(self, scheduler.now() + seconds)
    return self
end

local function check_period(seconds, name)
    if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
        error("non-positive interval for " .. name, 3)
    end
    return seconds
end

--- A ticker: the time comes on its `channel` every `seconds`.
function timer.tick(seconds)
    check_room()
    local self = new({ period = check_period(seconds, "perigee.tick") })
    start(self, scheduler.now() + seconds)
    return self
end

-- What fired before and was not received is taken back, so that nothing stale is received later.
local function take_back(self)
    if self.channel then
        channel.try_recv(self.channel)
    end
end

--- Stops the timer. Returns true when that kept it from firing. The channel is not closed.
function methods:stop()
    local pending = self.pending
    take_back(self)
    self.pending = false
    if not pending then
        return false
    end
    active_count = active_count - 1
    return scheduler.cancel_timer(pending)
end

--- Starts it anew: it fires `seconds` from now, a ticker every `seconds`. Returns true when it was
-- active.
function methods:reset(seconds)
    if self.period then
        self.period = check_period(seconds, "ticker:reset")
    else
        check_seconds(seconds, "timer:reset")
    end
    local was_active = self:stop()
    start(self, scheduler.now() + seconds)
    return was_active
end

return timer
