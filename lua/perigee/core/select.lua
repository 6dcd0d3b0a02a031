--- `perigee.select`: waits for the first of several things.
--
--    local number, value, ok = perigee.select {
--        { jobs, "recv" },
--        { results, "send", result },
--        { context },                     -- or whatever else can be awaited
--        timeout = 2,                     -- in seconds
--    }
--
-- The number is the case's place in the list; "timeout" or "default" for those; nil, and "canceled"
-- or "timeout", when the task's own context ended. With `default = true` it never waits. A case may
-- end with a function, which is called with what the case received. A case whose channel is nil is
-- never ready. Of several ready cases each is as likely as the others.
--
-- A case is its own link in the channel's queue while it waits, so a select over a table that is
-- used again takes no memory at all.
--
-- Besides the channels of this isolate there are others, whose operations stand in their field
-- `operations` (perigee.named_channel). What was ready there may be gone when it is tried; then
-- all begins again.
--
-- What can be awaited is a table with three methods:
--
--    poll() → true, value, ok once it is ready, and from then on always; else false
--    subscribe(waiter): call perigee.wake(waiter) when it becomes ready
--    unsubscribe(waiter): not any more
local channel = require "perigee.core.channel"
local queue = require "perigee.core.queue"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"

local select_module = {}

local below = random.below
local push, remove = queue.push, queue.remove
local begin_wait, RAISED = scheduler.begin_wait, scheduler.RAISED

local function describe(case)
    return type(case) == "table" and ("{ %s, %s }"):format(tostring(case[1]), tostring(case[2]))
        or tostring(case)
end

-- Errors name the line that called select: it is level 5 for what is_ready calls.
local function refuse(number, case)
    error(("case %d is %s: a case is { channel, \"recv\" }, { channel, \"send\", value } or "
        .. "{ awaitable }"):format(number, describe(case)), 5)
end

local function check_send(case)
    if case[3] == nil then
        error("nil cannot be sent on a channel: it is what receivers get from a closed one", 5)
    end
end

local function is_channel(target)
    return type(target) == "table" and target.receivers
end

local function is_awaitable(target)
    return type(target) == "table" and target.poll and target.subscribe
end

local function is_ready(number, case)
    local target, verb = case[1], case[2]
    if target == nil then
        return false
    elseif verb == "recv" and is_channel(target) then
        return (target.operations or channel).can_recv(target)
    elseif verb == "send" and is_channel(target) then
        check_send(case)
        return (target.operations or channel).can_send(target, case[3])
    elseif not is_awaitable(target) then
        refuse(number, case)
    end
    return (target:poll())
end

-- The number of a ready case, or nil. Each next one takes the place of the one before with a chance
-- that makes all equally likely in the end.
local function choose(cases)
    local chosen
    local ready_count = 0
    for number = 1, #cases do
        if is_ready(number, cases[number]) then
            ready_count = ready_count + 1
            if ready_count == 1 or below(ready_count) == 1 then
                chosen = number
            end
        end
    end
    return chosen
end

-- Does what a ready case is about. Returns whether that was still possible, and what select returns
-- after the number.
local function perform(case)
    local target, verb = case[1], case[2]
    if verb == "recv" then
        local value, is_ok = (target.operations or channel).try_recv(target)
        return is_ok ~= nil, value, is_ok
    elseif verb == "send" then
        if target.is_closed then
            error("send on closed channel", 3)
        end
        local is_sent = (target.operations or channel).try_send(target, case[3])
        return is_sent, is_sent
    end
    local _, value, is_ok = target:poll()
    return true, value, is_ok
end

-- Gives every case the fields of a link. What needs memory is done here, before anything is linked.
-- While one task waits with a table of cases another gets links of its own.
local function links_of(cases)
    local links = cases
    for number = 1, #cases do
        if cases[number].task then
            links = {}
        end
    end
    for number = 1, #cases do
        local case = cases[number]
        local link = links == cases and case or { case[1], case[2], case[3], case[4] }
        link.next, link.prev, link.task, link.number, link.a = false, false, false, number, false
        links[number] = link
    end
    return links
end

local function subscribe(link, task)
    local target, verb = link[1], link[2]
    link.task = task
    if target == nil then
        return
    elseif target.operations then
        target.operations.subscribe(target, link)
    elseif verb == "recv" then
        push(target.receivers, link)
    elseif verb == "send" then
        link.a = link[3]
        push(target.senders, link)
    else
        target:subscribe(link)
    end
end

local function subscribe_all(links, task)
    for number = 1, #links do
        subscribe(links[number], task)
    end
end

local function unsubscribe(link)
    local target, verb = link[1], link[2]
    link.task = false
    if target ~= nil and target.operations then
        target.operations.unsubscribe(target, link)
    elseif verb == "recv" or verb == "send" then
        remove(link)
        link.a = false
    elseif target ~= nil then
        target:unsubscribe(link)
    end
end

local function unsubscribe_all(links)
    for number = 1, #links do
        unsubscribe(links[number])
    end
end

--- Tells the select that waits with `waiter` that what it subscribed to is ready.
function select_module.wake(waiter)
    local task = waiter.task
    if task and task.since then
        scheduler.wake(task, task.wait_id, waiter.number)
    end
end

--- Ends the waits of all that are in a queue: tasks, and selects that subscribed there.
function select_module.wake_all(waiting)
    local waiter = queue.take(waiting)
    while waiter do
        if waiter.task then
            select_module.wake(waiter)
        else
            scheduler.end_wait(waiter, true)
        end
        waiter = queue.take(waiting)
    end
end

local function subscribe_and_wait(links, task, deadline)
    local is_subscribed, failure = pcall(subscribe_all, links, task)
    if not is_subscribed then
        unsubscribe_all(links)
        error(failure, 0)
    end
    task.a = links -- for reports
    local number, value, is_ok =
        begin_wait(task, #links > 0 and "select" or "select (no cases)", deadline)
    unsubscribe_all(links)
    if is_ok == RAISED then
        error(value, 0)
    end
    return number, value, is_ok
end

-- Returns the number and what it brought; or the number, nil, nil, the case that must be tried now,
-- and the deadline for when that is in vain.
local function wait_for_one(cases, deadline)
    local links = links_of(cases)
    deadline = deadline or cases.timeout and scheduler.now() + cases.timeout
    scheduler.check_yieldable()
    local task, reason = scheduler.prepare_wait(deadline)
    if not task then
        return nil, reason
    end
    local number, value, is_ok = subscribe_and_wait(links, task, deadline)
    if not number then
        -- Its own time limit, unless the context's was first.
        return value == "timeout" and not task.context.reason and "timeout" or nil, value
    end
    local target = links[number][1]
    if is_awaitable(target) or target.operations then
        return number, nil, nil, links[number], deadline
    end
    return number, value, is_ok
end

local function call_back(case, value, is_ok)
    local fn = case
    if type(case) == "table" then
        local verb = case[2]
        fn = verb == "send" and case[4] or verb == "recv" and case[3] or verb
    end
    if type(fn) == "function" then
        fn(value, is_ok)
    end
end

--- See the head of this file.
function select_module.select(cases)
    local number, is_done, value, is_ok, case, deadline
    repeat
        number = choose(cases)
        if number then
            is_done, value, is_ok = perform(cases[number])
        elseif cases.default then
            number, is_done = "default", true
        else
            is_done = true
            number, value, is_ok, case, deadline = wait_for_one(cases, deadline)
            if case then
                is_done, value, is_ok = perform(case)
            end
        end
    until is_done
    if not number then
        return nil, value
    elseif is_ok == "closed" and cases[number][2] == "send" then
        error("send on closed channel", 2)
    elseif number == "timeout" then
        value = nil
    end
    call_back(cases[number], value, is_ok)
    return number, value, is_ok
end

return select_module
