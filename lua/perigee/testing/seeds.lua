--- Seeds for specs: what the scheduler may choose follows a number, so that what fails under it
-- fails again.
local census = require "perigee.core.census"
local choice = require "perigee.core.choice"
local context = require "perigee.core.context"
local deadlock = require "perigee.core.deadlock"
local scheduler = require "perigee.core.scheduler"
local task = require "perigee.core.task"
local timers = require "perigee.core.timers"
local virtual_clock = require "perigee.core.virtual_clock"
local where = require "perigee.core.where"

local seeds = {}

--- The seed of the whole run (`perigee test --seed`), or nil.
seeds.given = nil

--- Has everything that may be chosen follow the run's seed from its beginning; without one the
-- scheduler's own order and chance.
function seeds.begin()
    if seeds.given then
        choice.seed(seeds.given)
    else
        choice.stop()
    end
end

-- Until no task is ready and what was due has happened.
local function settle()
    scheduler.sleep(scheduler.now())
end

-- What fn has left behind, as a text; nil when nothing.
local function find_leak(own, task_count, timer_count)
    if scheduler.live_count() > task_count then
        local left = {}
        census.each(function(one) left[one] = true end, own)
        return deadlock.report("tasks are left behind; they are the first of these", function(one)
            return left[one]
        end)
    elseif timers.count() > timer_count then
        return ("%d timers are left behind"):format(timers.count() - timer_count)
    end
end

local function start(fn, seed)
    local started = task.go(fn, seed)
    started.name = "explore"
    return started
end

local function run_in(own, fn, seed)
    local task_count, timer_count = scheduler.live_count(), timers.count()
    local is_ok, failure, traceback = own:run(start, fn, seed):join()
    if not is_ok then
        return tostring(failure) .. "\n" .. tostring(traceback)
    end
    settle()
    return find_leak(own, task_count, timer_count)
end

-- Returns what went wrong, or nil.
local function run_under(seed, fn)
    choice.seed(seed)
    virtual_clock.start()
    local own, cancel = context.with_cancel(context.background())
    local is_ok, problem = pcall(run_in, own, fn, seed)
    cancel()
    settle()
    return problem and (is_ok and problem or tostring(problem))
end

--- Runs fn(seed) under the seeds 1 to `count`, on a virtual clock, each in a task and a context of
-- its own; under the run's seed alone when it has one. It must leave no task and no timer behind.
-- An error of fn, a deadlock or something left is an error that names the seed.
function seeds.explore(count, fn)
    local file = where.of(fn):gsub(":%d+$", "")
    local was_virtual = virtual_clock.is_running()
    local first = seeds.given or 1
    local problem, failed
    for seed = first, seeds.given or count do
        problem, failed = run_under(seed, fn), seed
        if problem then
            break
        end
    end
    if not was_virtual then
        virtual_clock.stop()
    end
    seeds.begin()
    if problem then
        error(("seed %d: %s\nthe same again: perigee test --seed %d %s"):format(failed, problem,
            failed, file), 0)
    end
end

return seeds
