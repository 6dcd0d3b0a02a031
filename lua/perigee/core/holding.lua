--- What a task holds while it runs a script's function: a locked mutex, a call that others wait
-- for. A task that the host ends cannot give it back itself, so it is taken from it.
--
-- Such a thing has a method `abandon`, called outside of tasks, and is held by one task at a time.
local scheduler = require "perigee.core.scheduler"

local holding = {}

-- Task -> what it began to hold last; each thing knows the one before.
local last = setmetatable({}, { __mode = "k" })

--- The running task holds `thing` from now on.
function holding.begin(thing)
    local task = scheduler.current()
    thing.held_by, thing.held_before = task, last[task] or false
    last[task] = thing
end

--- Not any more: what was begun last is finished first.
function holding.finish(thing)
    last[thing.held_by] = thing.held_before or nil
    thing.held_by, thing.held_before = false, false
end

function scheduler.on_ended(task)
    local thing = last[task]
    while thing do
        holding.finish(thing)
        thing:abandon()
        thing = last[task]
    end
end

return holding
