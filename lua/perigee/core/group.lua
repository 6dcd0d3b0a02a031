--- Groups of tasks, as Go's errgroup: the first that fails ends the context of the others, and wait
-- returns its error. A function fails when it raises an error, or returns nil (or false) and an
-- error.
local context = require "perigee.core.context"
local membership = require "perigee.core.membership"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"
local task = require "perigee.core.task"

local group = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("group (%d running)"):format(self.running_count)
end

local groups = {} -- task -> its group

local function check_limit(limit)
    if type(limit) ~= "number" or limit % 1 ~= 0 then
        error(("limit must be a number of tasks, got %s"):format(tostring(limit)), 3)
    end
    return limit >= 0 and limit or math.huge
end

--- Makes a group. At most `options.limit` of its tasks run at once; a negative limit is none. Its
-- context comes from `options.context`, or the one of the caller.
function group.new(options)
    options = options or {}
    local limit = check_limit(options.limit or -1)
    local own, cancel = context.with_cancel(options.context or context.current())
    return setmetatable({
        context = own,
        cancel = cancel,
        limit = limit,
        running_count = 0,
        starters = queue.new(), -- tasks that wait until one more may run
        waiters = queue.new(),  -- tasks that wait until none runs
        has_failed = false,
        failure = nil,
        traceback = nil,
    }, metatable)
end

local function fail(self, failure, traceback)
    if not self.has_failed then
        self.has_failed, self.failure, self.traceback = true, failure, traceback
        self.cancel(failure)
    end
end

-- One task has ended: another may start, or all have.
local function leave(self)
    local starter = self.running_count <= self.limit and queue.take(self.starters)
    if starter then
        -- It takes the place of the one that ended.
        scheduler.end_wait(starter, true)
        return
    end
    self.running_count = self.running_count - 1
    while self.running_count == 0 do
        local waiter = queue.take(self.waiters)
        if not waiter then
            return
        end
        scheduler.end_wait(waiter, true)
    end
end

-- Runs outside of tasks.
local function finish(ended, is_ok, failure, traceback)
    local self = groups[ended]
    groups[ended] = nil
    if not is_ok then
        fail(self, failure, ("%s\nstarted by:%s"):format(traceback, ended.site.traceback))
    elseif ended.b > 1 and not ended.a[1] and ended.a[2] ~= nil then
        fail(self, ended.a[2])
    end
    leave(self)
end

-- The place among those that run is taken already.
local function start(self, ...)
    local is_started, started = pcall(task.start, 4, ...)
    if not is_started then
        self.running_count = self.running_count - 1
        error(started, 0)
    end
    groups[started] = self
    scheduler.on_finish(started, finish)
    membership.move(started, self.context)
end

local function check_function(fn)
    if type(fn) ~= "function" then
        error(("a group takes a function, got %s"):format(type(fn)), 3)
    end
end

--- Runs fn(...) as a task of the group; waits first while as many run as may. Returns true; or nil,
-- "canceled" or "timeout" when the caller's context ended meanwhile.
function methods:go(fn, ...)
    check_function(fn)
    if self.running_count >= self.limit then
        local is_ok, reason = queue.wait(self.starters, "group go")
        if not is_ok then
            return nil, reason
        end
    else
        self.running_count = self.running_count + 1
    end
    start(self, fn, ...)
    return true
end

--- The same without waiting: false when as many run as may.
function methods:try_go(fn, ...)
    check_function(fn)
    if self.running_count >= self.limit then
        return false
    end
    self.running_count = self.running_count + 1
    start(self, fn, ...)
    return true
end

--- Changes the limit, while nothing runs.
function methods:set_limit(limit)
    if self.running_count > 0 then
        error(("modify limit while %d tasks in the group are still active"):format(
            self.running_count), 2)
    end
    self.limit = check_limit(limit)
end

--- Waits until all have ended, and ends the group's context. Returns true; or nil, the first error
-- and, when it was raised, a traceback; or nil, "canceled" or "timeout" when the caller's own
-- context ended first.
function methods:wait()
    if self.running_count > 0 then
        local is_ok, reason = queue.wait(self.waiters, "group wait")
        if not is_ok then
            return nil, reason
        end
    end
    self.cancel()
    if self.has_failed then
        return nil, self.failure, self.traceback
    end
    return true
end

return group
