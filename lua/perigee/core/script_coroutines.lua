--- The coroutine library for scripts: in it, waiting works as it does in the task itself. The
-- scheduler lends it the means, because only the scheduler yields. A coroutine that was cut has
-- yielded nothing, and so has whoever resumed it: when it is back, it resumes the coroutine again.
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local create, running, status = coroutine.create, coroutine.running, coroutine.status
local co_resume, isyieldable = coroutine.resume, coroutine.isyieldable

local take_cut = host.take_cut
local current, yield, wait_mark = scheduler.current, scheduler.yield_of_lua, scheduler.wait_mark

-- Coroutines a script resumed and whose code waits: only the task they belong to may go on with
-- them.
local waiting_threads = setmetatable({}, { __mode = "k" })

-- How many coroutines are resumed around each, itself included. To end a task takes time for each,
-- and the host keeps so many of them at most (host/isolate/preempt.h).
local MOST_NESTED = 200
local depths = setmetatable({}, { __mode = "k" })

-- A wait inside a script's own coroutine is handed upwards until it reaches the scheduler.
local function pass_on(thread, is_ok, first, ...)
    if is_ok and first == wait_mark then
        waiting_threads[thread] = true
        yield(wait_mark)
        waiting_threads[thread] = nil
        return pass_on(thread, co_resume(thread))
    elseif is_ok and first == nil and take_cut(thread) then
        return pass_on(thread, co_resume(thread))
    end
    return is_ok, first, ...
end

local function leave_c(task_before, thread, is_ok, first, ...)
    if is_ok and first == nil and take_cut(thread) then
        return leave_c(task_before, thread, co_resume(thread))
    end
    scheduler.task_below_c = task_before
    return is_ok, first, ...
end

local function resume(thread, ...)
    local depth = (depths[running()] or 0) + 1
    if waiting_threads[thread] then
        return false, "cannot resume a coroutine that waits"
    elseif depth > MOST_NESTED then
        return false, ("more than %d coroutines resume one another"):format(MOST_NESTED)
    end
    depths[thread] = depth
    if isyieldable() then
        return pass_on(thread, co_resume(thread, ...))
    end
    local task_before = scheduler.task_below_c
    scheduler.task_below_c = current()
    return leave_c(task_before, thread, co_resume(thread, ...))
end

-- To a script the task is what the main thread is to Lua: no coroutine. Nobody but the scheduler
-- may resume it.
local function running_script()
    local thread, task = running(), current()
    return (not task or thread ~= task.thread) and thread or nil
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

local function wrap(fn)
    local thread = create(fn)
    return function(...)
        return unpack_result(resume(thread, ...))
    end
end

return {
    create = create,
    isyieldable = function()
        return running_script() ~= nil and isyieldable()
    end,
    resume = resume,
    running = running_script,
    status = status,
    wrap = wrap,
    yield = yield_script,
}
