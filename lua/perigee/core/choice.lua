--- Seeds: of what the scheduler may choose, the number says what it chooses. Which ready task runs
-- next, which ready case a select takes, which of two timers with one deadline fires first. What is
-- promised stays: waiters are served in order, and a task that yields lets the others go first.
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"
local timers = require "perigee.core.timers"

local choice = {}

-- A task that has yielded is next only when it is the first: all that were ready before it have had
-- their turn. One that has not run yet has no thread.
local function may_be_next(task, first)
    return task == first or task.waits_on or not task.thread
end

local function count_choices(first)
    local count, task = 0, first
    while task do
        if may_be_next(task, first) then
            count = count + 1
        end
        task = task.next
    end
    return count
end

-- The task before the chosen one; false when that is the first.
local function before_chosen(first)
    local number, before, task = random.below(count_choices(first)), false, first
    while true do
        if may_be_next(task, first) then
            number = number - 1
        end
        if number == 0 then
            return before
        end
        before, task = task, task.next
    end
end

-- Puts the chosen task first; the others stay in order. Returns the new first and last.
local function bring_forward(first, last)
    local before = before_chosen(first)
    if not before then
        return first, last
    end
    local task = before.next
    before.next = task.next
    if task == last then
        last = before
    end
    task.next = first
    return task, last
end

local function any_order()
    return random.below(2 ^ 30)
end

--- Has everything that may be chosen depend on `number` alone, from now on.
function choice.seed(number)
    random.seed(number)
    scheduler.set_choice(bring_forward)
    timers.set_order(any_order)
end

--- Ends that: first come, first served, and selects by chance.
function choice.stop()
    scheduler.set_choice(false)
    timers.set_order(nil)
end

return choice
