--- Runs a function once, whoever comes first; the others wait for it.
local holding = require "perigee.core.holding"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local once = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("once (%s)"):format(self.state)
end

function once.new()
    return setmetatable({ state = "new", held_by = false, held_before = false,
        waiters = queue.new() }, metatable)
end

--- The function's task was ended by the host. It has run, as one that raises.
function methods:abandon()
    self.state = "done"
    local waiter = queue.take(self.waiters)
    while waiter do
        scheduler.end_wait(waiter, true)
        waiter = queue.take(self.waiters)
    end
end

local function finish(self, is_ok, ...)
    holding.finish(self)
    self:abandon()
    if not is_ok then
        error((...), 0)
    end
    return true
end

--- Calls fn(...) the first time; later does nothing. A function that raises has run, too. Returns
-- true when it is done; or nil, "canceled" or "timeout" when the context of a task that waits for
-- another's call ended.
function methods:run(fn, ...)
    if self.state == "done" then
        return true
    elseif self.state == "new" then
        self.state = "running"
        holding.begin(self)
        return finish(self, pcall(fn, ...))
    end
    local is_ok, reason = queue.wait(self.waiters, "sync.Once.Do")
    return is_ok, reason
end

return once
