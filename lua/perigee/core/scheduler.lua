--- Tasks: the only place where Perigee's Lua waits. A task is a function in a pooled coroutine. It
-- runs until it waits, ends, or is cut by the host because its slice is over; a cut task is the
-- next to run in this isolate, so code between two waits stays atomic. Every wait has a number:
-- waking with an old number does nothing, so nobody is woken by what they no longer wait for.
local host = require "host"
local event = require "perigee.core.event"
local timer_heap = require "perigee.core.timer_heap"

local scheduler = {}

local resume, next_event, now = host.resume, host.next_event, host.now
local yield, create, running = coroutine.yield, coroutine.create, coroutine.running
local isyieldable = coroutine.isyieldable

-- What host.resume says of how a task came back (host/isolate/isolate.h).
local WAITING, CUT, FAILED, ENDED = 0, 1, 2, 3

-- What a task's coroutine yields: its function has returned, or it waits.
local FINISHED, WAIT = {}, {}

local POOL_LIMIT = 256

local task_methods = {}
local task_metatable = { __index = task_methods }

function task_metatable:__tostring()
    return ("task %s (%s)"):format(self.name or "?", self.state)
end

local current     -- the task that runs
local is_below_c  -- it runs a script's coroutine out of a callback of C, where no wait can end
local interrupted -- the task that was cut or refused: it goes first
local ready, ready_first, ready_last = {}, 1, 0
local timers = timer_heap.new()
local pool, pool_count = {}, 0
local live_count = 0
local handlers = {} -- kind of event -> function(id, code, bytes)
local waits = {}    -- kind of event -> id -> task

local run_forever

-- By tail calls, so that a pooled coroutine holds on to nothing of its last task.
local function finish_and_wait(...)
    return run_forever(yield(FINISHED, ...))
end

function run_forever(fn, a, b, c)
    return finish_and_wait(fn(a, b, c))
end

local function take_thread()
    if pool_count == 0 then
        return create(run_forever)
    end
    local thread = pool[pool_count]
    pool[pool_count] = nil
    pool_count = pool_count - 1
    return thread
end

-- Like all that tasks call here, it changes nothing when memory is refused in the middle.
local function push_ready(task)
    ready[ready_last + 1] = task
    ready_last = ready_last + 1
end

--- Starts `fn(a, b, c)` as a task and returns it. It runs after the tasks that are ready now.
-- The owner may set `task.name`, and `task.on_finish`, which is called outside any task as
-- on_finish(task, true, results...) or on_finish(task, false, error, traceback).
function scheduler.spawn(fn, a, b, c)
    local task = setmetatable({
        state = "new",
        thread = take_thread(),
        wait_id = 0,
        fn = fn,
        a = a, b = b, c = c,
        name = nil,
        on_finish = nil,
        timer = nil,
    }, task_metatable)
    push_ready(task)
    live_count = live_count + 1
    return task
end

--- What becomes of errors no on_finish takes: function(task, error, traceback).
scheduler.on_failure = nil

local function finish(task, is_ok, ...)
    task.state = "dead"
    live_count = live_count - 1
    if is_ok and pool_count < POOL_LIMIT then
        pool_count = pool_count + 1
        pool[pool_count] = task.thread
    end
    task.thread = nil
    if task.on_finish then
        task.on_finish(task, is_ok, ...)
    elseif not is_ok then
        scheduler.on_failure(task, ...)
    end
end

-- Takes a task back from host.resume. Returns false when the turn is over.
local function settle(task, state_before, state, ...)
    current, is_below_c = nil, false
    if state == WAITING then
        if (...) == FINISHED then
            finish(task, true, select(2, ...))
        elseif task.state == "running" then
            -- Said here: the task itself may be cut on its last step before it yields.
            task.state = "waiting"
        end
        return true
    elseif state == FAILED or state == ENDED then
        task.is_ended = state == ENDED
        finish(task, false, ...)
        return true
    end
    -- Cut, or refused before any of it ran.
    task.state = state == CUT and "cut" or state_before
    interrupted = task
    return false
end

local function run(task)
    local state = task.state
    current = task
    task.state = "running"
    if state == "cut" then
        return settle(task, state, resume(task.thread))
    elseif state == "new" then
        return settle(task, state, resume(task.thread, task.fn, task.a, task.b, task.c))
    end
    return settle(task, state, resume(task.thread, task.a, task.b, task.c))
end

--- The running task; nil outside of tasks.
function scheduler.current()
    return current
end

function scheduler.live_count()
    return live_count
end

-- Does what may fail for want of memory before a wait is begun.
local function prepare_wait(deadline)
    if not current then
        error("this call waits, so it must be made inside a task", 4)
    elseif is_below_c or not isyieldable() then
        error("this call waits, which is not possible below a function of C, such as the callback "
            .. "of string.gsub or table.sort", 4)
    end
    if deadline then
        current.timer = { deadline = deadline, task = current, index = nil, order = nil }
        timers:reserve()
    end
end

local function begin_wait(deadline)
    if deadline then
        timers:add(current.timer)
    end
    return yield(WAIT)
end

--- Waits until somebody calls scheduler.wake(task, wait_id, ...) for this wait, and returns those
-- values (three at most). At `deadline` (in seconds of host.now; nil for none) returns nil,
-- "timeout". Must be called in a task; the number of the wait is task.wait_id while it lasts.
function scheduler.wait(deadline)
    prepare_wait(deadline)
    return begin_wait(deadline)
end

--- Ends the wait number `wait_id` of `task`. Returns false when that wait is over already.
function scheduler.wake(task, wait_id, a, b, c)
    if task.state ~= "waiting" or task.wait_id ~= wait_id then
        return false
    end
    task.a, task.b, task.c = a, b, c
    push_ready(task)
    if task.timer then
        timers:remove(task.timer)
        task.timer = nil
    end
    task.wait_id = wait_id + 1
    task.state = "ready"
    return true
end

--- Lets every other ready task run first.
function scheduler.yield()
    prepare_wait()
    local task = current
    task.a, task.b, task.c = nil, nil, nil
    push_ready(task)
    task.wait_id = task.wait_id + 1
    task.state = "ready"
    yield(WAIT)
end

--- Waits for one event about `id`. Returns true, code, bytes; or nil, "timeout".
function scheduler.wait_event(kind, id, deadline)
    local of_kind = waits[kind]
    if not of_kind then
        of_kind = {}
        waits[kind] = of_kind
    end
    assert(not of_kind[id], "two tasks wait for the same event")
    prepare_wait(deadline)
    of_kind[id] = current
    local is_ok, code, bytes = begin_wait(deadline)
    of_kind[id] = nil
    return is_ok, code, bytes
end

--- Has `handler(id, code, bytes)` called, outside of tasks, for events of `kind` nobody waits for.
function scheduler.on_event(kind, handler)
    handlers[kind] = handler
end

--- Calls `fn()` outside of tasks at `deadline`. Returns a timer for scheduler.cancel_timer.
function scheduler.at(deadline, fn)
    local timer = { deadline = deadline, fn = fn, index = nil, order = nil }
    timers:add(timer)
    return timer
end

function scheduler.cancel_timer(timer)
    timers:remove(timer)
end

local function dispatch(kind, id, code, bytes)
    local of_kind = waits[kind]
    local task = of_kind and of_kind[id]
    if task then
        scheduler.wake(task, task.wait_id, true, code, bytes)
    elseif handlers[kind] then
        handlers[kind](id, code, bytes)
    end
end

--- Has whoever waits for events of `kind` about `id` hear of one.
scheduler.notify = dispatch

local function drain_events()
    local kind, id, code, bytes = next_event()
    while kind do
        dispatch(kind, id, code, bytes)
        kind, id, code, bytes = next_event()
    end
end

local function fire_timers()
    local timer = timers:first()
    if not timer then
        return
    end
    local time = now()
    while timer and timer.deadline <= time do
        timers:remove(timer)
        if timer.fn then
            timer.fn()
        else
            scheduler.wake(timer.task, timer.task.wait_id, nil, "timeout")
        end
        timer = timers:first()
    end
end

local alarm_deadline

local function set_alarm()
    local timer = timers:first()
    local deadline = timer and timer.deadline
    if deadline == alarm_deadline then
        return
    end
    alarm_deadline = deadline
    if deadline then
        host.set_alarm(math.max(0, math.ceil((deadline - now()) * 1000)))
    else
        host.set_alarm(nil)
    end
end

handlers[event.ALARM] = function()
    alarm_deadline = nil
end

local function run_ready()
    while ready_first <= ready_last do
        local task = ready[ready_first]
        ready[ready_first] = nil
        ready_first = ready_first + 1
        if not run(task) then
            return false
        end
    end
    ready_first, ready_last = 1, 0
    return true
end

--- One turn, called by C: what was cut first, then events and timers, then every ready task.
-- Returns true when there is more to run without a new event.
function scheduler.turn()
    if interrupted then
        local task = interrupted
        interrupted = nil
        if not run(task) then
            return true
        end
    end
    drain_events()
    fire_timers()
    if not run_ready() then
        return true
    end
    set_alarm()
    return false
end

-- Coroutines a script resumed and whose code waits: only the task they belong to may go on with
-- them.
local waiting_threads = setmetatable({}, { __mode = "k" })

local co_resume = coroutine.resume

-- A wait inside a script's own coroutine is handed upwards until it reaches the scheduler.
local function pass_on(thread, is_ok, first, ...)
    if is_ok and first == WAIT then
        waiting_threads[thread] = true
        local a, b, c = yield(WAIT)
        waiting_threads[thread] = nil
        return pass_on(thread, co_resume(thread, a, b, c))
    end
    return is_ok, first, ...
end

local function leave_c(was_below_c, ...)
    is_below_c = was_below_c
    return ...
end

local function resume_script(thread, ...)
    if waiting_threads[thread] then
        return false, "cannot resume a coroutine that waits"
    elseif isyieldable() then
        return pass_on(thread, co_resume(thread, ...))
    end
    local was_below_c = is_below_c
    is_below_c = true
    return leave_c(was_below_c, co_resume(thread, ...))
end

-- To a script the task is what the main thread is to Lua: no coroutine. Nobody but the scheduler
-- may resume it.
local function running_script()
    local thread = running()
    return (not current or thread ~= current.thread) and thread or nil
end

local function yield_script(...)
    if not running_script() then
        error("attempt to yield outside of a coroutine: perigee.sleep(0) lets other tasks run", 2)
    end
    return yield(...)
end

local function unpack_result(is_ok, ...)
    if not is_ok then
        error((...), 0)
    end
    return ...
end

--- The coroutine library for scripts: in it, waiting works as it does in the task itself.
scheduler.coroutine_library = {
    create = coroutine.create,
    isyieldable = function()
        return running_script() ~= nil and isyieldable()
    end,
    resume = resume_script,
    running = running_script,
    status = coroutine.status,
    wrap = function(fn)
        local thread = create(fn)
        return function(...)
            return unpack_result(resume_script(thread, ...))
        end
    end,
    yield = yield_script,
}

return scheduler
