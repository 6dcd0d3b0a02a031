--- Channels, as Go has them: values go from one task to another, in order, and whoever comes first
-- is served first. Without room for values a sender waits until a receiver has taken its own.
--
--    local jobs = perigee.chan(10)
--    jobs:send(job)                    -- true; or nil, "canceled" or "timeout"
--    local job, ok, why = jobs:recv()  -- value, true; or nil, false, "closed" (or "canceled", ...)
--    for job in jobs do ... end        -- until it is closed and empty
local queue = require "perigee.core.queue"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"

local channel = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local take, is_empty = queue.take, queue.is_empty
local end_wait, wait_in = scheduler.end_wait, queue.wait

function metatable:__tostring()
    return ("channel (%d of %d)%s"):format(self.count, self.capacity,
        self.is_closed and ", closed" or "")
end

--- Makes a channel with room for `capacity` values, none when it is left out.
function channel.new(capacity)
    capacity = capacity or 0
    if type(capacity) ~= "number" or capacity < 0 or capacity % 1 ~= 0 then
        error(("perigee.chan: size out of range: %s"):format(tostring(capacity)), 2)
    elseif quotas.messages and capacity > quotas.messages then
        error(quotas.refuse("messages"), 2)
    end
    return setmetatable({
        capacity = capacity,
        count = 0,
        first = 1,          -- where in `values` the oldest is
        values = {},
        receivers = queue.new(),
        senders = queue.new(),
        is_closed = false,
        operations = false, -- those of this module, see perigee.core.select
    }, metatable)
end

-- Ends the wait of a receiver: a task, or a case of a select.
local function give(receiver, value, is_ok, code)
    local selecting = receiver.task
    if selecting then
        end_wait(selecting, receiver.number, value, is_ok)
    else
        end_wait(receiver, value, is_ok, code)
    end
end

-- Ends the wait of a sender, whose value was taken or never will be.
local function release(sender, is_ok, code)
    local selecting = sender.task
    if selecting then
        end_wait(selecting, sender.number, is_ok, code)
    else
        end_wait(sender, is_ok, code)
    end
end

local function put(self, value)
    local place = self.first + self.count
    if place > self.capacity then
        place = place - self.capacity
    end
    self.values[place] = value
    self.count = self.count + 1
end

local function take_oldest(self)
    local first = self.first
    local value = self.values[first]
    self.values[first] = false
    self.first = first < self.capacity and first + 1 or 1
    self.count = self.count - 1
    return value
end

--- True when a send would not wait: there is room, a receiver, or an error to raise.
function channel.can_send(self)
    return self.is_closed or self.count < self.capacity or not is_empty(self.receivers)
end

--- True when a recv would not wait.
function channel.can_recv(self)
    return self.count > 0 or self.is_closed or not is_empty(self.senders)
end

--- Hands `value` on without waiting. Returns false when that is not possible now. The channel is
-- open.
function channel.try_send(self, value)
    local receivers = self.receivers
    local receiver = receivers.next ~= receivers and take(receivers)
    if receiver then
        give(receiver, value, true)
        return true
    elseif self.count < self.capacity then
        put(self, value)
        return true
    end
    return false
end

--- Takes a value without waiting: value, true; or nil, false, "closed"; or nothing.
function channel.try_recv(self)
    local senders = self.senders
    if self.count > 0 then
        local value = take_oldest(self)
        local sender = senders.next ~= senders and take(senders)
        if sender then
            put(self, sender.a)
            release(sender, true)
        end
        return value, true
    end
    local sender = senders.next ~= senders and take(senders)
    if sender then
        local value = sender.a
        release(sender, true)
        return value, true
    elseif self.is_closed then
        return nil, false, "closed"
    end
end

local try_send, try_recv = channel.try_send, channel.try_recv

--- Sends a value, and waits until it has been received or there is room for it. Returns true; or
-- nil, "canceled" or "timeout" when the task's context ends first, and then nobody gets the value.
function methods:send(value)
    if self.is_closed then
        error("send on closed channel", 2)
    elseif value == nil then
        error("nil cannot be sent on a channel: it is what receivers get from a closed one", 2)
    elseif try_send(self, value) then
        return true
    end
    local is_ok, code = wait_in(self.senders, "chan send", value)
    if code == "closed" then
        error("send on closed channel", 2)
    end
    return is_ok, code
end

--- Receives a value, and waits for it. Returns value, true; or nil, false and why: "closed" when
-- the channel is closed and empty, "canceled" or "timeout" when the task's context ended first.
function methods:recv()
    local value, is_ok, code = try_recv(self)
    if is_ok == nil then
        value, is_ok, code = wait_in(self.receivers, "chan receive")
        if is_ok ~= true then
            return nil, false, code or is_ok
        end
    end
    return value, is_ok, code
end

--- `for value in channel do`: one turn for each value, until the channel is closed and empty.
function metatable:__call()
    return (self:recv())
end

--- Closes the channel: no more values can be sent. Receivers get what is in it, then nil, false.
-- Tasks that wait to send get an error, as Go's do.
function methods:close()
    if self.is_closed then
        error("close of closed channel", 2)
    end
    self.is_closed = true
    local waiter = take(self.receivers)
    while waiter do
        give(waiter, nil, false, "closed")
        waiter = take(self.receivers)
    end
    waiter = take(self.senders)
    while waiter do
        release(waiter, false, "closed")
        waiter = take(self.senders)
    end
end

--- How many values are in it.
function methods:len()
    return self.count
end

--- How many values it has room for.
function methods:cap()
    return self.capacity
end

return channel
