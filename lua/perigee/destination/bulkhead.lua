--- How many calls of one destination may be under way at once: one that is slow then holds so many
-- tasks of its callers and no more. Some wait for their turn, the first to come first; further ones
-- are refused.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local bulkhead = {}

local methods = {}
local metatable = { __index = methods }

--- Makes one with places for `calls`, and for `queued` that wait.
function bulkhead.new(calls, queued)
    return setmetatable({
        calls = calls,
        queued = queued,
        holders = {},    -- task -> true
        held_count = 0,
        waiters = queue.new(),
        waiting_count = 0,
        refusals = 0,
    }, metatable)
end

-- A place goes to who waits longest.
local function give(self)
    local waiter = queue.take(self.waiters)
    if waiter then
        scheduler.end_wait(waiter, true)
    else
        self.held_count = self.held_count - 1
    end
end

-- A task that the host has ended gives nothing back.
local function sweep(self)
    for task in pairs(self.holders) do
        if scheduler.state(task) == "dead" then
            self.holders[task] = nil
            give(self)
        end
    end
end

local function wait(self, deadline)
    if self.waiting_count >= self.queued then
        self.refusals = self.refusals + 1
        return nil, "full", ("%d calls are under way and %d wait"):format(self.held_count,
            self.waiting_count)
    end
    self.waiting_count = self.waiting_count + 1
    local is_in, reason = queue.wait(self.waiters, "bulkhead", nil, deadline)
    self.waiting_count = self.waiting_count - 1
    if not is_in then
        return nil, reason, ("%d calls were under way all the time"):format(self.calls)
    end
    return true
end

local function hold(self)
    self.holders[scheduler.current()] = true
    self.held_count = self.held_count + 1
end

--- Takes a place for the running task, and waits for one until `deadline`. A task has one place at
-- most of each.
-- @return true; or nil, "full", "timeout" or "canceled", detail
function methods:enter(deadline)
    if self.held_count >= self.calls then
        sweep(self)
    end
    if self.held_count < self.calls then
        hold(self)
        return true
    end
    local is_in, code, detail = wait(self, deadline)
    if is_in then
        self.holders[scheduler.current()] = true -- whoever left has kept the place counted
    end
    return is_in, code, detail
end

--- Gives the place of the running task back.
function methods:leave()
    self.holders[scheduler.current()] = nil
    give(self)
end

return bulkhead
