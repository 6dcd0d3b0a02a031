--- The items of a streaming call, as they come: client:stream returns one. The server may be ahead
-- by `credit` items and no more; each half of it that was taken is given back.
--
-- It is received from as a channel is, also in perigee.select: { items, "recv" }.
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local methods = {}
local metatable = { __index = methods, __metatable = false }

local item_stream = {}

function metatable:__tostring()
    return ("rpc stream of %s (%s)"):format(self.method, self.is_done and "over" or "under way")
end

--- Makes one of a call that is about to be sent.
-- @param timeout_s how long to wait for each item, nil for as long as it takes
function item_stream.new(method, credit, timeout_s)
    return setmetatable({
        method = method, credit = credit, timeout_s = timeout_s,
        items = {}, first = 1, last = 0,  -- those that came and were not taken
        owed_count = credit,              -- the server may still send so many
        taken_count = 0,                  -- since credit was given last
        is_done = false,
        value = nil, code = nil, detail = nil, data = nil, -- how the call ended
        receivers = queue.new(),          -- who waits for an item or the end
        operations = item_stream,         -- for perigee.core.select
        link = nil, number = nil,
        decode = false,                   -- what makes a value of an item, and of the result
    }, metatable)
end

local function wake_one(self)
    local waiter = queue.take(self.receivers)
    if waiter and waiter.task then
        scheduler.end_wait(waiter.task, waiter.number)
    elseif waiter then
        scheduler.end_wait(waiter, true)
    end
    return waiter ~= nil
end

--- For the connection: an item has come. Returns false when the server was not to send another.
function methods:take_item(value)
    if self.owed_count == 0 then
        return false
    end
    self.owed_count = self.owed_count - 1
    self.last = self.last + 1
    self.items[self.last] = value
    wake_one(self)
    return true
end

--- For the connection: the call has ended, with true and its result; or false and { code =,
-- detail =, data = }.
function methods:complete(is_ok, result)
    if self.is_done then
        return
    end
    self.is_done = true
    if is_ok then
        self.value = result
    else
        self.code, self.detail, self.data = result.code, result.detail, result.data
    end
    repeat until not wake_one(self)
end

local function give_credit(self)
    self.taken_count = self.taken_count + 1
    if self.taken_count * 2 >= self.credit and not self.is_done then
        self.link:give_credit(self.number, self.taken_count)
        self.owed_count = self.owed_count + self.taken_count
        self.taken_count = 0
    end
end

function item_stream.can_recv(self)
    return self.first <= self.last or self.is_done
end

--- Takes an item without waiting: item, true; or nil, false, code when there will be no more; or
-- nothing.
function item_stream.try_recv(self)
    local first = self.first
    if first <= self.last then
        local item = self.items[first]
        self.items[first] = nil
        self.first = first + 1
        give_credit(self)
        if self.decode then
            item = self.decode(item)
        end
        return item, true
    elseif self.is_done then
        return nil, false, self.code or "closed"
    end
end

function item_stream.can_send()
    error("a stream of items can only be received from", 6)
end

function item_stream.subscribe(self, waiter)
    queue.push(self.receivers, waiter)
end

function item_stream.unsubscribe(_, waiter)
    queue.remove(waiter)
end

--- Receives the next item, and waits for it.
-- @return item, true; or nil, false and why: "closed" at the end, the code the call failed with, or
-- "timeout" or "canceled" when the wait ended first
function methods:recv()
    while true do
        local item, is_ok, code = item_stream.try_recv(self)
        if is_ok ~= nil then
            return item, is_ok, code
        end
        local deadline = self.timeout_s and scheduler.now() + self.timeout_s
        local is_woken, reason = queue.wait(self.receivers, "rpc stream", nil, deadline)
        if not is_woken then
            return nil, false, reason
        end
    end
end

--- `for item in items do`: one turn for each. What ends the loop is told by items:result().
function metatable:__call()
    local item, is_ok, code = self:recv()
    if not is_ok and not self.is_done then
        self:stop(code, "no item came in time")
    end
    return item
end

--- How the call has ended.
-- @return what the method returned in the end, nil when it returned nothing; or nil, code, detail,
-- data; while it goes on nil, "again"
function methods:result()
    if not self.is_done then
        return nil, "again", "the call is under way"
    end
    local value = self.value
    if self.decode and value then
        value = self.decode(value)
    end
    return value, self.code, self.detail, self.data
end

--- For this module and the client: ends the call from this side.
function methods:stop(code, detail)
    if not self.is_done then
        self.link:abandon(self.number, self)
        self:complete(false, { code = code, detail = detail })
    end
end

--- Ends the call: the server is told that nobody takes more. Does nothing when it is over.
function methods:close()
    self:stop("canceled", "the stream was closed")
end

return item_stream
