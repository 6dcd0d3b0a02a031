--- The items of streaming methods on their way to the caller; and for callers that take none, the
-- list of them.
local event = require "perigee.core.event"
local host = require "host"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"

local call_items = {}

-- As many items as a caller gets that does not ask for a stream.
local MOST_ITEMS = 1000

local waiting = {} -- number of a call -> queue of those who have an item to send

local function wake_next(id)
    local task = waiting[id] and queue.take(waiting[id])
    if task then
        scheduler.end_wait(task, true)
    end
end

scheduler.on_event(event.CALL_ROOM, wake_next)

local function await_room(id)
    local senders = waiting[id]
    if not senders then
        senders = queue.new()
        waiting[id] = senders
    end
    local is_woken, reason = queue.wait(senders, "stream send")
    if queue.is_empty(senders) and waiting[id] == senders then
        waiting[id] = nil
    end
    return is_woken, reason
end

--- Sends one item, as bytes of the call's protocol, and waits until the caller takes it. Returns
-- true; or nil, "canceled", "timeout" or "closed".
function call_items.send(id, bytes)
    local is_sent, code = host.call_send(id, bytes)
    while not is_sent do
        if code ~= "again" then
            return nil, code
        end
        local is_woken, reason = await_room(id)
        if not is_woken then
            return nil, reason
        end
        is_sent, code = host.call_send(id, bytes)
    end
    wake_next(id)
    return true
end

-- Only what a method gives is wrong here, so the error is in its line.
local function encode(method, codec, value)
    local bytes, _, problem = codec.encode(method.item, value)
    if not bytes then
        error(problem, 3)
    end
    return bytes
end

local function collector(list)
    return function(value)
        if #list == MOST_ITEMS then
            list.is_full = true
            return nil, "too_large"
        elseif value == nil then
            error("nil is no item", 2)
        end
        list[#list + 1] = value
        return true
    end
end

--- Gives the `call` of a streaming method its `send`. For callers that take no items, returns the
-- list they go to.
function call_items.open(call, id, method, codec, takes_items)
    if not takes_items then
        local list = {}
        call.send = collector(list)
        return list
    end
    function call.send(value)
        if value == nil then
            error("nil is no item", 2)
        end
        local is_sent, code = call_items.send(id, encode(method, codec, value))
        return is_sent, code
    end
end

--- Why a list is not the result; nil when it is.
function call_items.problem(list, method)
    return list.is_full and ("perigee: %s.%s has more than %d items: ask for a stream"):format(
        method.service, method.name, MOST_ITEMS) or nil
end

return call_items
