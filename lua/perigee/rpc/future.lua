--- What a call that was begun will bring: its result, to be waited for, now or later, by as many
-- tasks as like, and in perigee.select. The call is a task of its own, in the context of the one
-- that began it.
local scheduler = require "perigee.core.scheduler"
local task = require "perigee.core.task"

local future = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("future (%s)"):format(scheduler.state(self.task) == "dead" and "done" or "pending")
end

--- Starts fn(a, b, c, ...), which returns a result; or nil, code, detail, data.
-- @param level the function whose line is said to have started it; 1 is the caller
function future.start(level, fn, ...)
    return setmetatable({ task = task.start(level + 1, fn, ...) }, metatable)
end

-- An error of the caller's making, such as an argument that cannot be sent, is one wherever the
-- result is asked for.
local function outcome(self, is_ok, ...)
    if not is_ok and self.task.index then
        return nil, ..., "the call goes on"
    elseif not is_ok then
        error((...), 0)
    end
    return ...
end

--- Waits for the result, `timeout_s` seconds at most, and returns it as call() would; or nil,
-- "timeout" or "canceled" when this wait ended first: the call goes on.
function methods:wait(timeout_s)
    return outcome(self, self.task:join(timeout_s))
end

--- Ends the call with nil, "canceled". False when it is over already.
function methods:cancel()
    return self.task:cancel()
end

local function shift(is_done, _, ...)
    return is_done, ...
end

-- What perigee.select asks: the value of a future that is done is its result, or nil and a code.

function methods:poll()
    return shift(self.task:poll())
end

function methods:subscribe(waiter)
    self.task:subscribe(waiter)
end

function methods:unsubscribe(waiter)
    self.task:unsubscribe(waiter)
end

return future
