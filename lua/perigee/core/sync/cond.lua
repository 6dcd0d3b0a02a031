--- A condition that tasks wait for, with the lock that guards it.
local context = require "perigee.core.context"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local cond = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable.__tostring()
    return "cond"
end

--- `locker` is a mutex or anything with lock() and unlock(); it is the field `l`, as in Go.
function cond.new(locker)
    if type(locker) ~= "table" or not locker.lock or not locker.unlock then
        error("sync.cond takes a mutex", 2)
    end
    return setmetatable({ l = locker, waiters = queue.new() }, metatable)
end

--- Unlocks, waits for signal or broadcast, and locks again. Returns true; or nil, "canceled" or
-- "timeout" when the task's context ended first. The lock is the caller's again in any case.
function methods:wait()
    self.l:unlock()
    local is_ok, reason = queue.wait(self.waiters, "sync.Cond.Wait")
    -- Under a context that never ends, because who waits here must hold the lock afterwards.
    repeat
        local is_locked = context.background():run(self.l.lock, self.l)
    until is_locked
    return is_ok, reason
end

--- Wakes the one that waits longest. Without any it does nothing.
function methods:signal()
    local waiter = queue.take(self.waiters)
    if waiter then
        scheduler.end_wait(waiter, true)
    end
end

--- Wakes all.
function methods:broadcast()
    local waiter = queue.take(self.waiters)
    while waiter do
        scheduler.end_wait(waiter, true)
        waiter = queue.take(self.waiters)
    end
end

return cond
