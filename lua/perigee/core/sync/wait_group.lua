--- A counter whose zero can be waited for.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local wait_group = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("wait group (%d)"):format(self.count)
end

function wait_group.new()
    return setmetatable({ count = 0, waiters = queue.new() }, metatable)
end

-- Called where 3 is the level of the caller's line.
local function change(self, difference)
    local count = self.count + difference
    if count < 0 then
        error("sync: negative WaitGroup counter", 3)
    end
    self.count = count
    while count == 0 do
        local waiter = queue.take(self.waiters)
        if not waiter then
            return
        end
        scheduler.end_wait(waiter, true)
    end
end

function methods:add(count)
    change(self, count)
    return self
end

function methods:done()
    change(self, -1)
    return self
end

--- Waits until the counter is zero. Returns true; or nil, "canceled" or "timeout" when the task's
-- context ended first.
function methods:wait()
    if self.count == 0 then
        return true
    end
    local is_ok, reason = queue.wait(self.waiters, "sync.WaitGroup.Wait")
    return is_ok, reason
end

--- Runs fn(...) as a task that is counted until it has ended, however it ends. Returns its handle.
function methods:go(fn, ...)
    if type(fn) ~= "function" then
        error(("wait_group:go takes a function, got %s"):format(type(fn)), 2)
    end
    local started = require("perigee.core.task").start(2, fn, ...)
    change(self, 1)
    scheduler.on_finish(started, function(_, is_ok, failure, traceback)
        if not is_ok then
            scheduler.on_failure(started, failure, traceback)
        end
        change(self, -1)
    end)
    return started
end

return wait_group
