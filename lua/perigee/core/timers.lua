--- The timers of one isolate, over its one alarm of the host: those that end a task's wait, and
-- those that call a function.
local host = require "host"
local timer_heap = require "perigee.core.timer_heap"

--- `now` is the clock of deadlines, `virtual_now` its time when a spec has put another in the
-- place of the host's (perigee.core.virtual_clock). `turn_started` is when this turn of the
-- isolate began, by the host's clock: for what need not be exact, as it costs nothing.
local timers = { now = host.now, virtual_now = false, turn_started = 0 }

local heap = timer_heap.new()

-- What is called outside of tasks, where nothing can be cut, is out of the reach of scripts, which
-- may hold a timer.
local callbacks = {} -- timer -> function

local alarm_deadline

--- Makes ready what timers.start needs for `task`, so that it cannot fail.
function timers.prepare(task, deadline)
    local timer = task.timer
    if not timer then
        timer = { deadline = deadline, task = task, index = false, order = 0 }
        task.timer = timer
    end
    timer.deadline = deadline
    heap:reserve()
end

function timers.start(task)
    heap:add(task.timer)
end

function timers.stop(task)
    heap:remove(task.timer)
end

--- Has `fn(argument)` called at `deadline`. Returns the timer.
function timers.at(deadline, fn, argument)
    local timer = { deadline = deadline, argument = argument, index = false, order = 0 }
    heap:reserve()
    callbacks[timer] = fn
    heap:add(timer)
    return timer
end

--- Returns true when that prevented the call.
function timers.cancel(timer)
    callbacks[timer] = nil
    return heap:remove(timer)
end

--- Fires what is due: calls functions, and `end_wait(task)` for tasks.
function timers.fire(end_wait)
    local timer = heap:first()
    if not timer then
        return
    end
    local time = timers.now()
    while timer and timer.deadline <= time do
        local fn = callbacks[timer]
        heap:remove(timer)
        if fn then
            callbacks[timer] = nil
            fn(timer.argument)
        else
            end_wait(timer.task)
        end
        timer = heap:first()
    end
end

--- When the first timer is due; nil when there is none.
function timers.next_deadline()
    local timer = heap:first()
    return timer and timer.deadline
end

--- How many there are.
function timers.count()
    return heap.count
end

--- The timers there are, for timers.restore.
function timers.snapshot()
    local set = {}
    for i = 1, heap.count do
        set[heap[i]] = true
    end
    return set
end

--- Drops every timer that is not in `snapshot`.
function timers.restore(snapshot)
    for timer in pairs(timers.snapshot()) do
        if not snapshot[timer] then
            timers.cancel(timer)
        end
    end
end

--- Has `fn()` give the order of timers with one deadline; nil for the order they were added in.
function timers.set_order(fn)
    heap.order_of_next = fn
end

--- Sets the alarm for the first timer.
function timers.set_alarm()
    local timer = heap:first()
    local deadline = timer and timer.deadline
    if deadline == alarm_deadline then
        return
    end
    alarm_deadline = deadline
    if deadline then
        host.set_alarm(math.max(0, math.ceil((deadline - timers.now()) * 1000)))
    else
        host.set_alarm(nil)
    end
end

--- The alarm has come.
function timers.on_alarm()
    alarm_deadline = nil
end

return timers
