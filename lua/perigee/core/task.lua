--- What a script gets for a task: `perigee.go` and the methods of what it returns. The task itself
-- is the handle; after its end it holds what its function returned, or the error.
local queue = require "perigee.core.queue"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"
local site = require "perigee.core.site"
local spans = require "perigee.core.spans"
local task_record = require "perigee.core.task_record"

local current_span, enter_span = spans.current, spans.enter

local task = {}

local methods = {}

local metatable = task_record.metatable
metatable.__index = methods

function metatable:__tostring()
    return ("task %s (%s)"):format(self.name or "?", scheduler.state(self))
end

-- Tasks that somebody waits for -> queue of those who do.
local joiners = {}

local function call_with(fn, arguments)
    return fn(unpack(arguments, 1, arguments.count))
end

--- Starts fn(...) as a task that says where: at `level`, 1 being the caller.
function task.start(level, fn, a, b, c, ...)
    local started
    if select("#", ...) == 0 then
        started = scheduler.spawn(fn, a, b, c)
    else
        local count = 3 + select("#", ...)
        started = scheduler.spawn(call_with, fn, { count = count, a, b, c, ... })
    end
    local here = site.here(level + 1)
    started.site, started.name = here, here.at
    local span = current_span()
    if span then
        enter_span(started, span)
    end
    return started
end

--- Runs fn(...) as a task of its own, in the context of the caller, and returns its handle, whose
-- `name` is the line of this call. An error in it is logged, unless a task waits for it in join.
function task.go(fn, ...)
    if type(fn) ~= "function" then
        error(("perigee.go takes a function, got %s"):format(type(fn)), 2)
    elseif quotas.tasks and scheduler.live_count() >= quotas.tasks then
        error(quotas.refuse("tasks"), 2)
    end
    local started = task.start(2, fn, ...)
    return started
end

-- Runs outside of tasks, when one has ended that was waited for.
local function finish(ended, is_ok, failure, traceback)
    local waiting = joiners[ended]
    joiners[ended] = nil
    local waiter = queue.take(waiting)
    if not waiter and not is_ok then
        scheduler.on_failure(ended, failure, traceback)
    end
    while waiter do
        if waiter.task then
            scheduler.end_wait(waiter.task, waiter.number)
        else
            scheduler.end_wait(waiter, true)
        end
        waiter = queue.take(waiting)
    end
end

local function joiners_of(self)
    local waiting = joiners[self]
    if not waiting then
        waiting = queue.new()
        joiners[self] = waiting
        scheduler.on_finish(self, finish)
    end
    return waiting
end

-- true and what the function returned; or nil, the error and its traceback.
local function outcome(self)
    if self.c then
        return nil, self.a, self.b
    elseif self.b > 1 then
        return true, unpack(self.a, 1, self.b)
    end
    return true, self.a
end

--- Waits until the task has ended, `timeout` seconds at most. Returns true and what its function
-- returned; nil, its error and a traceback; or nil, "timeout" or "canceled" when the wait ended
-- first.
function methods:join(timeout)
    if self.index then
        if self == scheduler.current() then
            error("a task cannot join itself", 2)
        end
        local deadline = timeout and scheduler.now() + timeout
        local is_ok, reason = queue.wait(joiners_of(self), "join", nil, deadline)
        if not is_ok then
            return nil, reason
        end
    end
    return outcome(self)
end

--- Ends the task's waits, this one and all that follow, with nil, "canceled". What it starts from
-- then on is cancelled too. Returns false when the task has ended already.
function methods:cancel()
    if not self.index then
        return false
    end
    require("perigee.core.context").cancel_task(self)
    return true
end

--- "ready", "running", "waiting" or "dead".
function methods:state()
    return scheduler.state(self)
end

-- A task can be awaited by perigee.select, which then returns what join returns.
function methods:poll()
    if self.index then
        return false
    end
    return true, outcome(self)
end

function methods:subscribe(waiter)
    queue.push(joiners_of(self), waiter)
end

function methods.unsubscribe(_, waiter)
    queue.remove(waiter)
end

return task
