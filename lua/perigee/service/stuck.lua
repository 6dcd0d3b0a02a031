--- Waits of a service that may never end: what somebody outside waits for and no timer, event or
-- message can bring any further; and waits that are merely long.
--
-- While a script loads, starts, saves or stops no request can come to its isolate: that is a
-- deadlock as Go's, and the order fails with its report. A request that waits for another to come
-- may still be helped, so it is told of in the log, and otherwise left to its own deadline.
local census = require "perigee.core.census"
local deadlock = require "perigee.core.deadlock"
local lazy = require "perigee.core.lazy"
local scheduler = require "perigee.core.scheduler"

local log = lazy "perigee.log"

local stuck = {}

-- A request counts as stuck when it was in the same wait at two looks. After a report the next is
-- due later.
local LOOK_S, REPORT_S = 1, 60

local ORDERS = { load = true, start = true, save = true, stop = true }

-- A task that waits for one of these for long is suspicious whoever started it.
local LOCKS = {
    ["sync.Mutex.Lock"] = true, ["sync.RWMutex.Lock"] = true, ["sync.RWMutex.RLock"] = true,
    ["sync.Once.Do"] = true,
}

local function is_order(task)
    return not task.site and ORDERS[task.name]
end

-- An answer that has begun may go on for as long as its handler likes. A call is answered at its
-- end.
local function is_unanswered(task)
    local asked = task.site
    return asked and asked.title and not asked.is_begun and not asked.is_websocket
end

local function is_awaited(task)
    return is_order(task) or is_unanswered(task)
end

-- Returns whether one was.
local function fail_orders(tasks)
    local report
    for _, task in ipairs(tasks) do
        if is_order(task) then
            report = report or deadlock.report(deadlock.HEADLINE, is_awaited)
            scheduler.fail_wait(task, report)
        end
    end
    return report ~= nil
end

-- Whether one of `tasks` is in the wait it was in at the last look. Remembers them for the next.
local function is_confirmed(state, tasks)
    local before, is_same = state.suspects or {}, false
    state.suspects = {}
    for _, task in ipairs(tasks) do
        is_same = is_same or before[task] == task.wait_id
        state.suspects[task] = task.wait_id
    end
    return is_same
end

--- Looks at the service, in which no task is ready and no timer is set, and says when to look
-- again. Returns true when a task is ready now.
function stuck.look(state)
    local tasks = deadlock.find(is_awaited)
    if not tasks then
        state.suspects = nil
        state.look_again(LOOK_S)
        return false
    elseif fail_orders(tasks) then
        return true
    elseif is_confirmed(state, tasks) then
        log.warn(deadlock.report(("requests wait, and only another request could wake them: %s")
            :format(deadlock.HEADLINE), is_awaited), { requests = #tasks })
        state.look_again(REPORT_S)
    else
        state.look_again(LOOK_S)
    end
    return false
end

local function is_suspicious(task)
    return task.since and (is_unanswered(task) or LOCKS[task.waits_on])
end

--- In how many seconds some task will have waited for longer than the threshold, if it goes on
-- waiting; nil when no task waits that stuck.warn_of_slow would tell of.
function stuck.next_look(state)
    local first = math.huge
    census.each(function(task)
        if is_suspicious(task) then
            first = math.min(first, task.since)
        end
    end)
    return first < math.huge and math.max(0, first + state.slow_wait_s - scheduler.now()) or nil
end

--- Warns, in one line, of tasks that wait for longer than the threshold: requests whose answer has
-- not begun, calls, and whoever waits for a lock. Returns in how many seconds to look again; nil
-- when there is no reason to.
function stuck.warn_of_slow(state)
    local before = scheduler.now() - state.slow_wait_s
    local list, total = census.longest(1, function(task)
        return is_suspicious(task) and task.since <= before
    end)
    local first = list[1]
    if not first then
        return stuck.next_look(state)
    end
    log.warn(("%d task%s waiting for longer than %g s; the longest is %s"):format(total,
        total == 1 and " is" or "s are", state.slow_wait_s, first.name),
        { waits_on = first.waits_on, waited_s = math.floor(first.waited_s * 10) / 10,
            at = first.at, spawned_at = first.spawned_at, deadline_s = first.deadline_s })
    return state.slow_wait_s
end

return stuck
