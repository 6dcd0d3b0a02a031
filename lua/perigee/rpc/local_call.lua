--- Calls of services of this host. The argument goes to the other isolate as a copy, and so does
-- what comes back; the host finds the isolate, or the worker that runs the service.
local call_failure = require "perigee.rpc.call_failure"
local call_span = require "perigee.rpc.call_span"
local copy = require "perigee.core.copy"
local event = require "perigee.core.event"
local hop = require "perigee.core.hop"
local host = require "host"
local item_stream = require "perigee.core.lazy" "perigee.rpc.client.item_stream"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.call_settings"

local local_call = {}

local decode = copy.decode
local start, cancel = host.call_start, host.call_cancel
local check_yieldable = scheduler.check_yieldable
local prepare_wait, begin_wait = scheduler.prepare_wait, scheduler.begin_wait
local wake = scheduler.wake
local around = call_span.around_local
local previous_attempts = hop.previous_attempts

local waiting = {} -- number of a call -> the task that waits for its answer
local waiting_count = 0
local streams = {} -- number of a call -> its stream
local stream_count = 0

-- Wakes the task that minds a stream: it is over.
local function forget_stream(number, stream)
    streams[number], stream_count = nil, stream_count - 1
    local task = stream.minder
    if task then
        wake(task, task.wait_id)
    end
end

local function finish_stream(number, stream, code, bytes, data)
    forget_stream(number, stream)
    if code == 0 then
        stream:complete(true, bytes)
    else
        local _, name, detail, own = call_failure.of_answer(code, bytes, data)
        stream:complete(false, { code = name, detail = detail, data = own })
    end
end

scheduler.on_event(event.ANSWER, function(number, code, bytes, data)
    local task, stream = waiting[number], streams[number]
    if task then
        waiting[number] = nil
        wake(task, task.wait_id, bytes, code, data)
    elseif stream then
        finish_stream(number, stream, code, bytes, data)
    end
end)

scheduler.on_event(event.ITEM, function(number, _, bytes)
    local stream = streams[number]
    if stream then
        stream:take_item(bytes)
    end
end)

--- The bytes of an argument; nil, code, detail when it cannot be copied.
local_call.encode = copy.encode

-- Whichever is first: the end of the task's context, or `deadline`.
local function nearest(task, deadline)
    local ends_at = task.context.ends_at or nil
    return ends_at and (not deadline or ends_at < deadline) and ends_at or deadline
end

local function is_full()
    return waiting_count + stream_count >= settings.max_count
end

local function full()
    return nil, "full", "this service has too many calls in flight"
end

-- Waits for the answer. Returns true, bytes; or nil, code, detail, data.
local function await(task, number, target, deadline)
    waiting[number], waiting_count = task, waiting_count + 1
    local bytes, code, data = begin_wait(task, target.waits_on, deadline)
    waiting_count = waiting_count - 1
    if waiting[number] then
        waiting[number] = nil
        cancel(number)
        return call_failure.of_wait(code, target)
    elseif code ~= 0 then
        return call_failure.of_answer(code, bytes, data)
    end
    return true, bytes
end

local function perform(target, bytes, deadline, _, traceparent)
    local task, reason = prepare_wait(deadline)
    if not task then
        return call_failure.of_wait(reason, target)
    elseif is_full() then
        return full()
    end
    local ends_at = nearest(task, deadline)
    local number = start(target.name, bytes, ends_at, nil, previous_attempts(), traceparent)
    if not number then
        return call_failure.unknown(target)
    end
    local is_ok, result, detail, data = await(task, number, target, deadline)
    if is_ok then
        return (decode(result))
    elseif ends_at and scheduler.now() >= ends_at then
        return call_failure.of_wait("timeout", target)
    end
    return nil, result, detail, data
end

--- Calls `target` = { name = "Service.Method", waits_on = what reports say } and waits for the
-- result. Returns it, which may be nil; or nil, code, detail, data (see perigee.rpc.call_failure).
-- @param deadline in seconds of perigee.now(), besides that of the task's context; nil for none
function local_call.call(target, bytes, deadline)
    check_yieldable()
    return around(target.name, perform, target, bytes, deadline)
end

--- Calls it without waiting, and without a result. Returns true, or nil, code, detail.
function local_call.notify(target, bytes)
    if not host.call_notify(target.name, bytes) then
        return call_failure.unknown(target)
    end
    return true
end

-- What a stream takes for its connection.
local link = {}

function link.give_credit(_, number, count)
    host.call_grant(number, count)
end

function link.abandon(_, number, stream)
    if streams[number] then
        forget_stream(number, stream)
        cancel(number)
    end
end

-- A task in the context of the caller: the end of that is the end of the call.
local function mind(stream, target)
    if stream.is_done then
        return
    end
    local _, reason = scheduler.wait(nil, target.waits_on)
    if reason then
        local _, code, detail = call_failure.of_wait(reason, target)
        stream:stop(code, detail)
    end
end

--- Calls a method that gives items. Returns them (perigee.rpc.client.item_stream), or nil, code,
-- detail.
-- @param credit how many items the method may be ahead
-- @param timeout_s how long to wait for each; nil for as long as it takes
function local_call.stream(target, bytes, credit, timeout_s)
    if is_full() then
        return full()
    end
    local task = scheduler.current()
    local stream = item_stream.new(target.name, credit, timeout_s)
    local number = start(target.name, bytes, task and nearest(task), credit)
    if not number then
        return call_failure.unknown(target)
    end
    stream.link, stream.number, stream.decode = link, number, decode
    streams[number], stream_count = stream, stream_count + 1
    stream.minder = scheduler.spawn(mind, stream, target)
    stream.minder.name = target.waits_on
    return stream
end

return local_call
