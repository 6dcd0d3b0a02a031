--- A lock for one task at a time. Whoever waits longest gets it next. Any task may unlock it, and
-- one that ends does not: `with` unlocks whatever happens, also when the host ends the task.
local holding = require "perigee.core.holding"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local mutex = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local wait_in, end_wait, take = queue.wait, scheduler.end_wait, queue.take

function metatable:__tostring()
    return ("mutex (%s)"):format(self.is_locked and "locked" or "unlocked")
end

function mutex.new()
    return setmetatable({ is_locked = false, held_by = false, held_before = false,
        waiters = queue.new() }, metatable)
end

--- Waits until it is the caller's. Returns true; or nil, "canceled" or "timeout" when the task's
-- context ended first, and then it is not locked.
function methods:lock()
    if not self.is_locked then
        self.is_locked = true
        return true
    end
    local is_ok, reason = wait_in(self.waiters, "sync.Mutex.Lock")
    return is_ok, reason
end

--- Locks it when that needs no waiting. Returns whether it did.
function methods:try_lock()
    if self.is_locked then
        return false
    end
    self.is_locked = true
    return true
end

function methods:unlock()
    if not self.is_locked then
        error("sync: unlock of unlocked mutex", 2)
    end
    local waiter = take(self.waiters)
    if waiter then
        end_wait(waiter, true)
    else
        self.is_locked = false
    end
end

methods.abandon = methods.unlock

local function unlock_and_return(self, is_ok, ...)
    holding.finish(self)
    self:unlock()
    if not is_ok then
        error((...), 0)
    end
    return ...
end

--- Calls fn(...) with the mutex locked and returns what it returns; or nil and a reason as lock.
function methods:with(fn, ...)
    local is_locked, reason = self:lock()
    if not is_locked then
        return nil, reason
    end
    holding.begin(self)
    return unlock_and_return(self, pcall(fn, ...))
end

return mutex
