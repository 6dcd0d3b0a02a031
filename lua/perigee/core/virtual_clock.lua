--- A clock for specs: when no task is ready it goes on to the next timer, so an hour of timers
-- takes no time, and always the same. While a task waits for the world outside (a connection, a
-- process) the clock stands still, because nobody knows when that will come. Those that did so
-- before it began do not count.
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local timers = require "perigee.core.timers"

local virtual_clock = {}

-- So many timers between two orders of the spec mean that what it waits for will never come.
local MOST_STEPS = 1e6

local real_now = host.now

local step_count = 0
local timers_before = false
local waiting_before = {} -- the tasks that waited for the world outside when it began
local held_until = false -- the time of an advance under way, which does not wait for anything

local function now()
    return timers.virtual_now
end

local function set_clock(fn)
    timers.now, scheduler.now, host.now = fn, fn, fn
end

-- True when fn(task) is for a task that waits for the world outside.
local function is_any_outside(fn)
    for _, of_kind in pairs(scheduler.waits) do
        for _, task in pairs(of_kind) do
            if fn(task) then
                return true
            end
        end
    end
    return false
end

local function holds_clock(task)
    return not waiting_before[task]
end

local function remember(task)
    waiting_before[task] = true
end

--- True while it is the clock of this isolate.
function virtual_clock.is_running()
    return timers.virtual_now ~= false
end

--- Begins, in a task, at the present time, as a whole number of seconds: sums of such have no
-- error.
function virtual_clock.start()
    if not timers.virtual_now then
        timers.virtual_now = math.ceil(real_now())
        timers_before, waiting_before = timers.snapshot(), {}
        is_any_outside(remember)
        set_clock(now)
        -- Whatever waits from here on does so since a time of this clock.
        virtual_clock.advance(0)
    end
    step_count, held_until = 0, false
end

--- The host's clock is everybody's again. Timers that were set meanwhile are dropped: the host's
-- clock knows nothing of their time.
function virtual_clock.stop()
    if timers.virtual_now then
        timers.virtual_now, step_count = false, 0
        timers.restore(timers_before)
        set_clock(real_now)
    end
end

--- Called when no task is ready. Goes on to the next timer and returns true; false when there is
-- none, or it has to wait.
function virtual_clock.step()
    local deadline = timers.next_deadline()
    if not deadline or step_count == MOST_STEPS
        or is_any_outside(holds_clock) and not (held_until and deadline <= held_until) then
        return false
    end
    step_count = step_count + 1
    timers.virtual_now = math.max(timers.virtual_now, deadline)
    return true
end

--- True when it has stopped because only timers ever run.
function virtual_clock.is_exhausted()
    return step_count == MOST_STEPS
end

--- Lets `seconds` pass: what is due until then happens in order, also while tasks wait for the
-- world outside. Called in a task.
function virtual_clock.advance(seconds)
    step_count, held_until = 0, timers.virtual_now + seconds
    local is_over, reason = scheduler.sleep(held_until)
    if is_over then
        -- What was set later for the same moment.
        is_over, reason = scheduler.sleep(held_until)
    end
    held_until = false
    return is_over, reason
end

return virtual_clock
