--- Calls of services of this host. The argument goes to the other isolate as a copy, and so does
-- what comes back; the host finds the isolate, or the worker that runs the service.
local call_failure = require "perigee.rpc.call_failure"
local copy = require "perigee.core.copy"
local event = require "perigee.core.event"
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.call_settings"

local local_call = {}

local decode = copy.decode
local start, cancel = host.call_start, host.call_cancel
local check_yieldable = scheduler.check_yieldable
local prepare_wait, begin_wait = scheduler.prepare_wait, scheduler.begin_wait

local waiting = {} -- number of a call -> the task that waits for its answer
local waiting_count = 0

scheduler.on_event(event.ANSWER, function(number, code, bytes, data)
    local task = waiting[number]
    if task then
        waiting[number] = nil
        scheduler.wake(task, task.wait_id, bytes, code, data)
    end
end)

--- The bytes of an argument; nil, code, detail when it cannot be copied.
local_call.encode = copy.encode

-- Whichever is first: the end of the task's context, or `deadline`.
local function nearest(task, deadline)
    local ends_at = task.context.ends_at or nil
    return ends_at and (not deadline or ends_at < deadline) and ends_at or deadline
end

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
    return (decode(bytes))
end

--- Calls `target` = { name = "Service.Method", waits_on = what reports say } and waits for the
-- result. Returns it, which may be nil; or nil, code, detail, data (see perigee.rpc.call_failure).
-- @param deadline in seconds of perigee.now(), besides that of the task's context; nil for none
function local_call.call(target, bytes, deadline)
    check_yieldable()
    local task, reason = prepare_wait(deadline)
    if not task then
        return call_failure.of_wait(reason, target)
    elseif waiting_count >= settings.max_count then
        return nil, "full", "this service has too many calls in flight"
    end
    local ends_at = nearest(task, deadline)
    local number = start(target.name, bytes, ends_at)
    if not number then
        return call_failure.unknown(target)
    end
    local value, code, detail, data = await(task, number, target, deadline)
    if code and ends_at and scheduler.now() >= ends_at then
        return call_failure.of_wait("timeout", target)
    end
    return value, code, detail, data
end

--- Calls it without waiting, and without a result. Returns true, or nil, code, detail.
function local_call.notify(target, bytes)
    if not host.call_notify(target.name, bytes) then
        return call_failure.unknown(target)
    end
    return true
end

return local_call
