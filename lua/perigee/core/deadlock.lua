--- Deadlocks: every task of an isolate waits for another of its tasks, so none can ever run.
-- Whoever asks knows that no task is ready and no timer is set.
local census = require "perigee.core.census"

local deadlock = {}

-- Waits that only a task of the same isolate ends. Any other may be ended from outside. No timer is
-- set, so nothing but a task ends a sleep either: a virtual clock drops its timers when it ends.
local INSIDE = {
    ["sleep"] = true,
    ["chan send"] = true, ["chan receive"] = true, ["select"] = true, ["select (no cases)"] = true,
    ["join"] = true, ["group go"] = true, ["group wait"] = true, ["semaphore acquire"] = true,
    ["singleflight"] = true, ["drain"] = true,
    ["sync.Mutex.Lock"] = true, ["sync.RWMutex.Lock"] = true, ["sync.RWMutex.RLock"] = true,
    ["sync.WaitGroup.Wait"] = true, ["sync.Cond.Wait"] = true, ["sync.Once.Do"] = true,
}

local MOST_TASKS = 20

-- Whether only a task of the isolate makes a case of a select ready. Channels without operations of
-- their own, contexts and tasks are the isolate's; of what else can be awaited nobody knows.
local function is_own(case)
    local target, verb = case[1], case[2]
    if target == nil then
        return true
    elseif verb == "recv" or verb == "send" then
        return not target.operations
    end
    return target.members ~= nil or target.wait_id ~= nil
end

local function waits_inside(task)
    if task.waits_on == "select" then
        for _, case in ipairs(task.a) do
            if not is_own(case) then
                return false
            end
        end
    end
    return INSIDE[task.waits_on]
end

--- The tasks for which is_awaited(task) says that somebody outside waits for them, when all tasks
-- wait for each other; else nil.
function deadlock.find(is_awaited)
    local stuck = {}
    local can_run = census.each(function(task)
        if not task.since or not waits_inside(task) then
            return true
        elseif is_awaited(task) then
            stuck[#stuck + 1] = task
        end
    end)
    return not can_run and stuck[1] and stuck or nil
end

local function block_of(task)
    local lines = { ("task %s [%s, %.1f s]"):format(task.name, task.waits_on or task.state,
        task.waited_s or 0) }
    if task.at then
        lines[#lines + 1] = "    at " .. task.at
    end
    if task.spawned_at then
        lines[#lines + 1] = "    started at " .. task.spawned_at
    end
    return table.concat(lines, "\n")
end

-- Adds blocks of the tasks that have waited longest, at most MOST_TASKS in all, and returns how
-- many there would be.
local function add_blocks(parts, is_wanted)
    local tasks, total = census.longest(MOST_TASKS + 1 - #parts, is_wanted)
    for _, task in ipairs(tasks) do
        parts[#parts + 1] = block_of(task)
    end
    return total
end

--- `headline` and a block for each task: its name, what it waits on, for how long, where, and where
-- it was started. Those that have waited longest are first, and many are only counted.
-- @param is_first those for which is_first(task) come before the others
function deadlock.report(headline, is_first)
    local parts = { headline }
    local total = add_blocks(parts, is_first) + add_blocks(parts, function(task)
        return not is_first(task)
    end)
    if total >= #parts then
        parts[#parts + 1] = ("and %d more"):format(total + 1 - #parts)
    end
    return table.concat(parts, "\n\n")
end

--- What Go says.
deadlock.HEADLINE = "all tasks are asleep - deadlock!"

return deadlock
