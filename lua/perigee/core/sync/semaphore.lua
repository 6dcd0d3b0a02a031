--- A number of places, of which tasks take some and give them back. Whoever waits longest is served
-- first, so one that wants many is not passed by those that want few.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local semaphore = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("semaphore (%d of %d)"):format(self.taken_count, self.size)
end

local function check_count(count, level)
    if type(count) ~= "number" or count < 0 or count % 1 ~= 0 then
        error(("a semaphore counts whole numbers, got %s"):format(tostring(count)), level + 1)
    end
    return count
end

--- Makes one with `size` places.
function semaphore.new(size)
    return setmetatable({ size = check_count(size, 2), taken_count = 0, waiters = queue.new() },
        metatable)
end

-- How many places each waiter wants is in its field `a`.
local function admit(self)
    local first = self.waiters.next
    while first ~= self.waiters and self.taken_count + first.a <= self.size do
        self.taken_count = self.taken_count + first.a
        scheduler.end_wait(queue.take(self.waiters), true)
        first = self.waiters.next
    end
end

local function try(self, count)
    if self.taken_count + count > self.size or not queue.is_empty(self.waiters) then
        return false
    end
    self.taken_count = self.taken_count + count
    return true
end

--- Takes `count` places (one, when it is left out) if that needs no waiting. Returns if it did.
function methods:try_acquire(count)
    return try(self, check_count(count or 1, 2))
end

--- Takes them, and waits for them. Returns true; or nil, "canceled" or "timeout" when the task's
-- context ended first, and then none is taken.
function methods:acquire(count)
    count = check_count(count or 1, 2)
    if try(self, count) then
        return true
    end
    local is_ok, reason = queue.wait(self.waiters, "semaphore acquire", count)
    if not is_ok then
        admit(self)
    end
    return is_ok, reason
end

--- Gives `count` places back.
function methods:release(count)
    count = check_count(count or 1, 2)
    if count > self.taken_count then
        error("semaphore: released more than held", 2)
    end
    self.taken_count = self.taken_count - count
    admit(self)
end

return semaphore
