--- The coroutine library for scripts: in it, waiting works as it does in the task itself. The
-- scheduler lends it the means, because only the scheduler yields.
local scheduler = require "perigee.core.scheduler"

local create, running, status = coroutine.create, coroutine.running, coroutine.status
local co_resume, isyieldable = coroutine.resume, coroutine.isyieldable

local current, yield, wait_mark = scheduler.current, scheduler.yield_of_lua, scheduler.wait_mark

-- Coroutines a script resumed and whose code waits: only the task they belong to may go on with
-- them.
local waiting_threads = setmetatable({}, { __mode = "k" })

-- A wait inside a script's own coroutine is handed upwards until it reaches the scheduler.
local function pass_on(thread, is_ok, first, ...)
    if is_ok and first == wait_mark then
        waiting_threads[thread] = true
        yield(wait_mark)
        waiting_threads[thread] = nil
        return pass_on(thread, co_resume(thread))
    end
    return is_ok, first, ...
end

local function leave_c(task_before, ...)
    scheduler.task_below_c = task_before
    return ...
end

local function resume(thread, ...)
    if waiting_threads[thread] then
        return false, "cannot resume a coroutine that waits"
    elseif isyieldable() then
        return pass_on(thread, co_resume(thread, ...))
    end
    local task_before = scheduler.task_below_c
    scheduler.task_below_c = current()
    return leave_c(task_before, co_resume(thread, ...))
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
