--- A call that is under way: client:go returns one. It can be awaited by perigee.select, which then
-- returns what wait returns first: the value; or nil and the code.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local methods = {}
local metatable = { __index = methods, __metatable = false }

local future = {}

function metatable:__tostring()
    return ("rpc call of %s (%s)"):format(self.method, self.is_done and "over" or "under way")
end

--- Makes one, which somebody completes.
-- @param fit what a result goes through: value → value; or nil, code, detail. Nil for nothing.
function future.new(method, fit)
    return setmetatable({
        method = method, fit = fit,
        is_done = false,
        value = nil, code = nil, detail = nil, data = nil, -- what wait returns
        waiting = queue.new(),
        link = nil, number = nil, -- where it is in flight
    }, metatable)
end

local function settle(self, value, code, detail, data)
    self.is_done = true
    self.value, self.code, self.detail, self.data = value, code, detail, data
    local waiter = queue.take(self.waiting)
    while waiter do
        if waiter.task then
            scheduler.end_wait(waiter.task, waiter.number)
        else
            scheduler.end_wait(waiter, true)
        end
        waiter = queue.take(self.waiting)
    end
end

--- Says how the call has ended: true and its result; or false and { code =, detail =, data = }.
function methods:complete(is_ok, result)
    if self.is_done then
        return
    elseif not is_ok then
        settle(self, nil, result.code, result.detail, result.data)
    elseif self.fit then
        settle(self, self.fit(result))
    else
        settle(self, result)
    end
end

--- Waits until the call is over, `timeout_s` seconds at most.
-- @return as client:call; or nil, "timeout" or "canceled" when the wait ended before the call
function methods:wait(timeout_s)
    if not self.is_done then
        local deadline = timeout_s and scheduler.now() + timeout_s
        local is_ok, reason = queue.wait(self.waiting, "rpc call", nil, deadline)
        if not is_ok then
            return nil, reason, "the wait ended before the call"
        end
    end
    return self.value, self.code, self.detail, self.data
end

--- Gives the call up: it ends with "canceled", and its answer is dropped. Does nothing when it is
-- over.
function methods:cancel()
    if self.is_done then
        return
    elseif self.link then
        self.link:abandon(self.number, self)
    end
    settle(self, nil, "canceled", "the call was cancelled")
end

function methods:poll()
    return self.is_done, self.value, self.code
end

function methods:subscribe(waiter)
    queue.push(self.waiting, waiter)
end

function methods.unsubscribe(_, waiter)
    queue.remove(waiter)
end

return future
