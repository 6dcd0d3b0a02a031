--- One call at a time for each key: who asks for the same while it runs gets the same result.
local holding = require "perigee.core.holding"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local singleflight = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable.__tostring()
    return "singleflight"
end

function singleflight.new()
    return setmetatable({ calls = {} }, metatable)
end

local function outcome(call)
    if not call.is_ok then
        error(call[1], 0)
    end
    return unpack(call, 1, call.count)
end

local function settle(call, is_ok, ...)
    local self, key = call.owner, call.key
    call.is_ok, call.count = is_ok, select("#", ...)
    for i = 1, call.count do
        call[i] = (select(i, ...))
    end
    if self.calls[key] == call then
        self.calls[key] = nil
    end
    local waiter = queue.take(call.waiters)
    while waiter do
        scheduler.end_wait(waiter, true)
        waiter = queue.take(call.waiters)
    end
end

local function finish(call, ...)
    holding.finish(call)
    settle(call, ...)
    return outcome(call)
end

local call_metatable = { __index = {} }

function call_metatable.__index:abandon()
    settle(self, false, "the host has ended the task whose result this one waits for")
end

--- Returns what fn(...) returns, or raises its error. While it runs for `key`, other callers with
-- that key wait and share the outcome; their own functions are not called. Returns nil, "canceled"
-- or "timeout" when the context of one that waits ended first.
function methods:run(key, fn, ...)
    local call = self.calls[key]
    if not call then
        call = setmetatable({ owner = self, key = key, waiters = queue.new() }, call_metatable)
        self.calls[key] = call
        holding.begin(call)
        return finish(call, pcall(fn, ...))
    end
    local is_ok, reason = queue.wait(call.waiters, "singleflight")
    if not is_ok then
        return nil, reason
    end
    return outcome(call)
end

--- The next call for `key` runs anew, even while one runs.
function methods:forget(key)
    self.calls[key] = nil
end

return singleflight
