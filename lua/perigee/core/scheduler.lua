--- Tasks: the only place where Perigee's Lua waits. A task is a function in a pooled coroutine. It
-- runs until it waits, ends, or is cut by the host because its slice is over; a cut task is the
-- next to run in this isolate, so code between two waits stays atomic. Every wait has a number:
-- waking with an old number does nothing, so nobody is woken by what they no longer wait for.
--
-- A task is one table, which is also its own link in whatever it waits in: the list of ready tasks
-- or a queue (perigee.core.queue). So waiting and waking take no memory and cannot fail for want of
-- it. What ends a wait lays its values into the task's fields a, b and c.
local event = require "perigee.core.event"
local host = require "host"
local membership = require "perigee.core.membership"
local task_record = require "perigee.core.task_record"
local timers = require "perigee.core.timers"

local scheduler = {}

local resume, next_event = host.resume, host.next_event
local yield, create, isyieldable = coroutine.yield, coroutine.create, coroutine.isyieldable
local enter, leave, background = membership.enter, membership.leave, membership.background
local new_task, kind_of, take = task_record.new, task_record.kind_of, task_record.take
local keep, remove_from_queue = task_record.keep, task_record.remove_from_queue

-- What host.resume says of how a task came back (host/isolate/isolate.h); else it was cut.
local WAITING, FAILED, ENDED = 0, 2, 3

-- What a task's coroutine yields: its function has returned, or it waits.
local FINISHED, WAIT = {}, {}

local POOL_LIMIT = 256

-- So many events become tasks before the first of these runs; the caches hold as many coroutines.
local BATCH = 32

local BELOW_C = "this call waits, which is not possible below a function of C, such as a "
    .. "__tostring that string.format calls"

local current = false      -- the task that runs
local interrupted = false  -- the task that was cut, or not begun for want of time: it goes first
local ready_first, ready_last = false, false
local turn_started = 0     -- in seconds of scheduler.now
local choose = false       -- which ready task is next, when a spec has that permuted
local pool, pool_count = {}, 0
local live_count = 0
local handlers = {}  -- kind of event -> function(id, code, bytes)
local waits = {}     -- kind of event -> id -> task that waits for it

--- The same for those who ask whether anybody waits for the world outside.
scheduler.waits = waits

-- Task -> what is called outside of tasks when it has ended. Nothing can be cut there, so it is out
-- of the reach of scripts, which may hold a task.
local finishers = {}

--- For perigee.core.script_coroutines: Lua's own yield, what a wait yields, and the task that runs
-- a script's coroutine out of a callback of C, where no wait can end.
scheduler.yield_of_lua, scheduler.wait_mark, scheduler.task_below_c = yield, WAIT, false

--- The context of tasks that were given no other.
scheduler.background = membership.background

local run_forever

-- Only tail calls lead here, so that a pooled coroutine holds on to nothing of its last task.
local function await_task()
    yield(FINISHED)
    return run_forever()
end

-- Results stay in the task for whoever joins it: one of them in `a`, several as a list, and their
-- number in `b`. After an error `a` is the error, `b` its traceback, and `c` says so.
local function keep_results(task, ...)
    local count = select("#", ...)
    if count <= 1 then
        task.a = ...
    else
        task.a = { ... }
    end
    task.b, task.c = count, nil
    return await_task()
end

-- Trailing nils are left out, because some functions count what they get.
function run_forever()
    local task = current
    local a, b, c = task.a, task.b, task.c
    if c ~= nil then
        return keep_results(task, task.fn(a, b, c))
    elseif b ~= nil then
        return keep_results(task, task.fn(a, b))
    elseif a ~= nil then
        return keep_results(task, task.fn(a))
    end
    return keep_results(task, task.fn())
end

local function take_thread(task)
    local thread = pool[pool_count]
    if not thread then
        thread = create(run_forever)
    else
        pool[pool_count] = nil
        pool_count = pool_count - 1
    end
    task.thread = thread
    return thread
end

local function push_ready(task)
    task.next = false
    if ready_last then
        ready_last.next = task
    else
        ready_first = task
    end
    ready_last = task
end

local function enlist(task, within)
    enter(within or current and current.context or background, task)
    push_ready(task)
    live_count = live_count + 1
end

--- Starts `fn(a, b, c)` as a task and returns it. It runs after the tasks that are ready now, in
-- the context of the task that calls this. The owner may set `task.name`.
function scheduler.spawn(fn, a, b, c)
    local task = new_task()
    task.fn, task.a, task.b, task.c = fn, a, b, c
    enlist(task)
    return task
end

--- Has fn(task, true) or fn(task, false, error, traceback) called, outside any task, when `task`
-- has ended. Only one such function is kept.
function scheduler.on_finish(task, fn)
    finishers[task] = fn
end

--- Starts a task of a kind (perigee.core.task_record) as spawn does, and returns it to whoever
-- knows of its end: nobody may hold it then.
-- @param within its context; nil for that of the task that calls this
function scheduler.start(kind, site, a, b, within)
    local task = take(kind)
    task.site, task.a, task.b, task.c = site, a, b, nil
    enlist(task, within)
    return task
end

--- What becomes of errors no scheduler.on_finish takes: function(task, error, traceback). And who
-- hears of tasks that were cut: function(task, seconds, traceback): those of processor time since
-- its last wait; a traceback, once, when they are worth a warning. And of tasks the host has ended.
scheduler.on_failure, scheduler.on_cut, scheduler.on_ended = nil, false, false

-- A wait below a function of C, such as the callback of string.gsub, was begun and could not yield.
local function forget_failed_wait(task)
    remove_from_queue(task)
    if task.timer then
        timers.stop(task)
    end
end

local function finish_of_kind(kind, task, is_ok, failure, traceback)
    kind.on_finish(task, is_ok, failure, traceback)
    if is_ok then
        forget_failed_wait(task)
        keep(kind, task)
    end
end

local function finish(task, is_ok, failure, traceback)
    leave(task)
    live_count = live_count - 1
    local kind = kind_of(task)
    if kind then
        return finish_of_kind(kind, task, is_ok, failure, traceback)
    elseif is_ok and pool_count < POOL_LIMIT then
        pool_count = pool_count + 1
        pool[pool_count] = task.thread
    end
    task.thread = false
    if not is_ok then
        task.a, task.b, task.c = failure, traceback, "failed"
    end
    local finisher = finishers[task]
    if finisher then
        finishers[task] = nil
        finisher(task, is_ok, failure, traceback)
    elseif not is_ok then
        scheduler.on_failure(task, failure, traceback)
    end
end

local function fail(task, state, failure, traceback)
    task.is_ended = state == ENDED or nil
    finish(task, false, failure, traceback)
    if task.is_ended and scheduler.on_ended then scheduler.on_ended(task) end
end

-- Takes a task back from host.resume. Returns false when the turn is over.
local function settle(task, state, first, traceback)
    current = false
    if state == WAITING then
        -- Said here and not by the task, which may be cut before it yields, and where it cannot
        -- yield does not wait.
        if first == FINISHED then
            finish(task, true)
        elseif task.waits_on then
            task.since = turn_started
        else
            push_ready(task)
        end
        return true
    elseif state == FAILED or state == ENDED then
        fail(task, state, first, traceback)
        return true
    end
    interrupted = task
    if first and scheduler.on_cut then
        scheduler.on_cut(task, first, traceback)
    end
    return false
end

local function run_interrupted()
    local task = interrupted
    interrupted = false
    current = task
    return settle(task, resume(task.thread or take_thread(task)))
end

--- Seconds on the clock of deadlines. A spec may put another in its place
-- (perigee.core.virtual_clock), so it is looked up for each call.
scheduler.now = timers.now

--- The running task; nil outside of tasks.
function scheduler.current() return current or nil end

function scheduler.live_count() return live_count end

--- "ready", "running", "waiting" or "dead".
function scheduler.state(task)
    return not task.index and "dead" or task == current and "running"
        or task.since and "waiting" or "ready"
end

--- Raises an error, in the line three levels up, where a task could not yield.
function scheduler.check_yieldable()
    if current and not isyieldable() then
        error(BELOW_C, 4)
    end
end

local check_yieldable = scheduler.check_yieldable

--- Does what may fail before a wait is begun, and returns the task; or nil and a reason when its
-- context has ended. With scheduler.begin_wait it is scheduler.wait in two steps, between which the
-- task can be made known to whoever shall wake it. Its errors name the line three levels up.
function scheduler.prepare_wait(deadline)
    local task = current
    if not task then
        error("this call waits, so it must be made inside a task", 4)
    elseif scheduler.task_below_c == task then
        error(BELOW_C, 4)
    end
    forget_failed_wait(task)
    local reason = task.context.reason
    if reason then
        return nil, reason
    elseif deadline then
        timers.prepare(task, deadline)
    end
    return task
end

--- Waits as scheduler.wait does.
function scheduler.begin_wait(task, waits_on, deadline)
    task.waits_on = waits_on
    if deadline then
        timers.start(task)
    end
    yield(WAIT)
    return task.a, task.b, task.c
end

local prepare_wait, begin_wait = scheduler.prepare_wait, scheduler.begin_wait

--- Waits until somebody calls scheduler.wake(task, wait_id, ...) for this wait, and returns those
-- values (three at most). At `deadline` (in seconds of scheduler.now; nil for none) returns nil,
-- "timeout"; when the task's context ends, nil and the reason, "canceled" or "timeout". Must be
-- called in a task; the number of the wait is task.wait_id while it lasts.
-- @param waits_on what to say of it in reports, "wait" when it is left out
function scheduler.wait(deadline, waits_on)
    check_yieldable()
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason
    end
    return begin_wait(task, waits_on or "wait", deadline)
end

--- Waits until `deadline`. Returns true, or nil and a reason as scheduler.wait.
function scheduler.sleep(deadline)
    check_yieldable()
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason
    end
    begin_wait(task, "sleep", deadline)
    reason = task.context.reason
    if reason then
        return nil, reason
    end
    return true
end

--- Ends the wait of a task that is in no queue any more.
function scheduler.end_wait(task, a, b, c)
    task.a, task.b, task.c = a, b, c
    task.since = false
    task.wait_id = task.wait_id + 1
    if task.timer then
        timers.stop(task)
    end
    push_ready(task)
end

local end_wait = scheduler.end_wait

--- The third value of a wait in a queue where an error shall be raised; the second is its message.
scheduler.RAISED = {}

--- Raises `message` where `task` waits, in a queue or a select.
function scheduler.fail_wait(task, message)
    remove_from_queue(task)
    end_wait(task, nil, message, scheduler.RAISED)
end

--- Ends the wait number `wait_id` of `task`. Returns false when that wait is over already.
function scheduler.wake(task, wait_id, a, b, c)
    if not task.since or task.wait_id ~= wait_id then
        return false
    end
    remove_from_queue(task)
    end_wait(task, a, b, c)
    return true
end

local wake = scheduler.wake

--- Lets every other ready task run first. Returns true, or nil and a reason as scheduler.wait.
function scheduler.yield()
    check_yieldable()
    local task, reason = prepare_wait()
    if not task then
        return nil, reason
    end
    task.waits_on = false
    yield(WAIT)
    return true
end

--- Waits for one event about `id`. Returns true, code, bytes; or nil and a reason as
-- scheduler.wait.
function scheduler.wait_event(kind, id, deadline)
    check_yieldable()
    local of_kind = waits[kind]
    if not of_kind then
        of_kind = {}
        waits[kind] = of_kind
    end
    assert(not of_kind[id], "two tasks wait for the same event")
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason
    end
    of_kind[id] = task
    local is_ok, code, bytes = begin_wait(task, "IO wait", deadline)
    of_kind[id] = nil
    return is_ok, code, bytes
end

--- Has `handler(id, code, bytes)` called, outside of tasks, for events of `kind` nobody waits for;
-- for requests with what host.next_event says of them. Returns the handler before it.
function scheduler.on_event(kind, handler)
    local before = handlers[kind]
    handlers[kind] = handler
    return before
end

--- Calls `fn(argument)` outside of tasks at `deadline`. Returns a timer for scheduler.cancel_timer,
-- which returns true when it prevented the call.
scheduler.at, scheduler.cancel_timer = timers.at, timers.cancel

local function dispatch(kind, id, code, bytes, ...)
    local of_kind = waits[kind]
    local task = of_kind and of_kind[id]
    if task then
        wake(task, task.wait_id, true, code, bytes)
    elseif handlers[kind] then
        handlers[kind](id, code, bytes, ...)
    end
    return true
end

--- Has whoever waits for events of `kind` about `id` hear of one.
scheduler.notify = dispatch

handlers[event.ALARM] = timers.on_alarm

--- Has `fn(first, last)`, given the list of ready tasks, return its new first, which runs next, and
-- last; false for their order (perigee.core.choice).
function scheduler.set_choice(fn) choose = fn end

local function take_ready()
    if choose then
        ready_first, ready_last = choose(ready_first, ready_last)
    end
    local task = ready_first
    ready_first = task.next
    if not ready_first then
        ready_last = false
    end
    task.next = false
    return task, task.thread or take_thread(task)
end

-- Takes the next few events when no task is ready, and runs what is. Returns false when the turn is
-- over. A trace ends where it calls C and another begins behind that, which cannot leave its
-- function. So this loop makes such calls itself, and takes a fixed number of results.
local function run()
    while true do
        local room = BATCH
        local kind, id, a, b, c, d, e, f, g, h, i
        repeat
            kind, id, a, b, c, d, e, f, g, h, i = next_event()
            room = room - 1
        until not (kind and dispatch(kind, id, a, b, c, d, e, f, g, h, i) and room > 0)
        if not (kind or ready_first) then
            return true
        end
        while ready_first do
            local task, thread = take_ready()
            current = task
            local state, first, traceback = resume(thread)
            if not settle(task, state, first, traceback) then
                return false
            elseif choose then
                break
            end
        end
    end
end

--- Called when no task is ready: a function that returns true when it has changed that, or false.
scheduler.on_idle = false

local function end_in_time(task)
    wake(task, task.wait_id, nil, "timeout")
end

-- Tasks that are always ready do not hold up events and timers.
local function catch_up()
    local kind, id, a, b, c, d, e, f, g, h, i = next_event()
    while kind do
        dispatch(kind, id, a, b, c, d, e, f, g, h, i)
        kind, id, a, b, c, d, e, f, g, h, i = next_event()
    end
    timers.fire(end_in_time)
end

local is_behind = false -- the last turn was over before all that had happened was looked at

--- One turn, called by C: what was cut first, then events and ready tasks, and last the timers that
-- are due. Returns true when there is more to run without a new event, and how many tasks live.
-- @param started when the turn began, in seconds of host.now
function scheduler.turn(started)
    turn_started, timers.turn_started = timers.virtual_now or started, started
    if interrupted and not run_interrupted() then
        return true, live_count
    elseif is_behind then
        catch_up()
    end
    is_behind = true
    if not run() then
        return true, live_count
    end
    repeat
        turn_started, timers.turn_started = timers.virtual_now or started, started
        timers.fire(end_in_time)
        if not run() then
            return true, live_count
        end
    until not (scheduler.on_idle and scheduler.on_idle())
    is_behind = false
    timers.set_alarm()
    return false, live_count
end

return scheduler
