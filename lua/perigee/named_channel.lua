--- Channels between services: `perigee.channel(name)`. Any service of the host, in any worker,
-- opens one by its name. What is in it belongs to no service, so a reload loses nothing. Values are
-- copied.
--
-- A task that finds no value, or no room, waits in a queue of this isolate; an event of the host
-- says that trying again may be worth it, and wakes the one that waits longest. Whoever has
-- succeeded wakes the next.
local copy = require "perigee.core.copy"
local event = require "perigee.core.event"
local host = require "host"
local queue = require "perigee.core.queue"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"

local named_channel = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local DEFAULT_CAPACITY = 64
local DEFAULT_SIZE = 256 * 1024
local LONGEST_NAME = 63

-- How long a sender waits before the log says that nobody receives, and how often it says so.
local SLOW_S, REPEAT_S = 10, 60

local RECEIVING, SENDING = 0, 1

local encode, decode = copy.encode, copy.decode
local send, receive = host.channel_send, host.channel_receive
local end_wait, wait_in, take = scheduler.end_wait, queue.wait, queue.take

local by_name, by_id = {}, {}

function metatable:__tostring()
    return ("channel %q (%d of %d)"):format(self.name, self:len(), self.capacity)
end

-- Wakes the first that still waits on that side. A case of a select tries by itself, too.
local function wake_next(self, side)
    local waiter = take(side == SENDING and self.senders or self.receivers)
    if not waiter then
        return false
    elseif waiter.task then
        end_wait(waiter.task, waiter.number)
    else
        end_wait(waiter, true)
    end
    return true
end

scheduler.on_event(event.CHANNEL, function(id, side)
    local self = by_id[id]
    if self and not wake_next(self, side) then
        host.channel_forget(id, side)
    end
end)

local OPEN_FAILURES = {
    exists = "it is there already, with another capacity or size, or is not a channel",
    full = "there is no room for it in --shared-memory",
    not_found = "the host runs without --shared-memory",
    invalid = "the capacity or the size is out of range",
}

local function check_name(name)
    if type(name) ~= "string" or name == "" or #name > LONGEST_NAME or name:find("%z") then
        error(("a channel's name is a string of 1 to %d bytes, not %s"):format(LONGEST_NAME,
            tostring(name)), 3)
    end
end

local function check_options(name, options)
    for key, value in pairs(options) do
        if key ~= "capacity" and key ~= "size" then
            error(("%s is no option of a channel: there are capacity and size")
                :format(tostring(key)), 3)
        elseif type(value) ~= "number" or value < 1 or value % 1 ~= 0 or value >= 2 ^ 32 then
            error(("the %s of channel %q must be a whole number from 1 on, got %s")
                :format(key, name, tostring(value)), 3)
        end
    end
end

local function check_room(capacity)
    if quotas.messages and capacity > quotas.messages then
        error(quotas.refuse("messages"), 3)
    end
end

--- Opens the channel of that name, made when it is new.
-- @param options capacity = how many values it has room for (64), size = and how many bytes of them
-- (256 KB); a name that is open with others is an error
function named_channel.open(name, options)
    options = options or {}
    check_name(name)
    check_options(name, options)
    local capacity, size = options.capacity or DEFAULT_CAPACITY, options.size or DEFAULT_SIZE
    check_room(capacity)
    local known = by_name[name]
    if known and known.capacity == capacity and known.size == size then
        return known
    end
    local id, code = host.channel_open(name, capacity, size)
    if not id then
        error(("channel %q with capacity %d and size %d cannot be opened: %s"):format(name,
            capacity, size, OPEN_FAILURES[code] or code), 2)
    end
    local self = setmetatable({
        name = name,
        capacity = capacity,
        size = size,
        id = id,
        receivers = queue.new(),
        senders = queue.new(),
        operations = named_channel, -- for perigee.core.select
        warned_at = false,
    }, metatable)
    by_name[name], by_id[id] = self, self
    return self
end

-- After a wait that ended without a value or room.
local function give_up(self, side)
    if queue.is_empty(side == SENDING and self.senders or self.receivers) then
        host.channel_forget(self.id, side)
    end
end

-- The next in line had no event of its own, if one woke this task.
local function pass_on(self, side)
    local waiters = side == SENDING and self.senders or self.receivers
    if waiters.next ~= waiters then
        wake_next(self, side)
    end
end

local function encode_value(self, value, level)
    if value == nil then
        error("nil cannot be sent on a channel: it is what receivers get from a closed one",
            level + 1)
    end
    local bytes, _, detail = encode(value, "the value")
    if not bytes then
        error(("send on channel %q: %s"):format(self.name, detail), level + 1)
    end
    return bytes
end

local function refuse(self, code, bytes, level)
    if code == "closed" then
        error("send on closed channel", level + 1)
    elseif code == "too_large" then
        error(("a value of %d bytes does not fit the channel %q, which has %d: open it with "
            .. "another size"):format(#bytes, self.name, self.size), level + 1)
    end
    error(("channel %q: %s"):format(self.name, code), level + 1)
end

local function warn(self)
    local now = scheduler.now()
    if not self.warned_at or now - self.warned_at > REPEAT_S then
        self.warned_at = now
        require("perigee.log").warn(("the channel %q has been full for %d s: who receives from it?")
            :format(self.name, SLOW_S), { capacity = self.capacity, length = self:len() })
    end
end

-- Waits until another try may succeed. The first wait is cut short to complain.
local function await_room(self, has_complained)
    if has_complained then
        return wait_in(self.senders, "named chan send")
    end
    local deadline = scheduler.now() + SLOW_S
    local is_woken, code = wait_in(self.senders, "named chan send", nil, deadline)
    if not is_woken and code == "timeout" and not scheduler.current().context.reason then
        warn(self)
        return true, true
    end
    return is_woken, code
end

--- Sends a copy of the value, and waits until there is room for it. Returns true; or nil,
-- "canceled" or "timeout" when the task's context ends first, and then nobody gets the value.
function methods:send(value)
    local bytes = encode_value(self, value, 2)
    local is_sent, code = send(self.id, bytes)
    local has_complained = false
    while not is_sent do
        if code ~= "again" then
            refuse(self, code, bytes, 2)
        end
        local is_woken, reason = await_room(self, has_complained)
        if not is_woken then
            give_up(self, SENDING)
            return nil, reason
        end
        has_complained = has_complained or reason == true
        is_sent, code = send(self.id, bytes)
    end
    pass_on(self, SENDING)
    return true
end

--- Receives a value, and waits for it. Returns value, true; or nil, false and why: "closed" when
-- the channel is closed and empty, "canceled" or "timeout" when the task's context ended first.
function methods:recv()
    local bytes, code = receive(self.id)
    while not bytes and code == "again" do
        local is_woken, reason = wait_in(self.receivers, "named chan receive")
        if not is_woken then
            give_up(self, RECEIVING)
            return nil, false, reason
        end
        bytes, code = receive(self.id)
    end
    pass_on(self, RECEIVING)
    if not bytes then
        return nil, false, code
    end
    return decode(bytes), true
end

--- `for value in channel do`: one turn for each value, until the channel is closed and empty.
function metatable:__call()
    return (self:recv())
end

--- Closes the channel for everybody: no more values can be sent, what is in it is still received.
-- Who opens it when it is empty begins anew.
function methods:close()
    local is_closed = host.channel_close(self.id)
    if not is_closed then
        error("close of closed channel", 2)
    end
end

--- How many values are in it.
function methods:len()
    return (host.channel_state(self.id)) or 0
end

--- How many values it has room for.
function methods:cap()
    return self.capacity
end

-- What perigee.core.select asks of a case: see perigee.core.channel, whose functions have the same
-- names. What was ready may be gone when it is tried, because others are faster.

function named_channel.can_recv(self)
    return host.channel_ask(self.id, RECEIVING, 0)
end

function named_channel.can_send(self, value)
    return host.channel_ask(self.id, SENDING, #encode_value(self, value, 5))
end

--- Returns true; or false when there is no room any more.
function named_channel.try_send(self, value)
    local bytes = encode_value(self, value, 4)
    local is_sent, code = send(self.id, bytes)
    if not is_sent and code ~= "again" then
        refuse(self, code, bytes, 4)
    end
    pass_on(self, SENDING)
    return is_sent or false
end

--- Returns value, true; nil, false, "closed"; or nothing when there is no value any more.
function named_channel.try_recv(self)
    local bytes, code = receive(self.id)
    pass_on(self, RECEIVING)
    if bytes then
        return decode(bytes), true
    elseif code ~= "again" then
        return nil, false, code
    end
end

--- Puts a case that waits into the queue of its side.
function named_channel.subscribe(self, link)
    local is_sending = link[2] == "send"
    queue.push(is_sending and self.senders or self.receivers, link)
    host.channel_await(self.id, is_sending and SENDING or RECEIVING,
        is_sending and #encode_value(self, link[3], 1) or 0)
end

function named_channel.unsubscribe(self, link)
    queue.remove(link)
    give_up(self, link[2] == "send" and SENDING or RECEIVING)
end

return named_channel
