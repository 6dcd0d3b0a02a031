--- `perigee`: tasks and time. Names are Go's where Go has the thing.
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local where = require "perigee.core.where"

local perigee = {}

-- What a script gets for a task. It stays harmless to print or touch after the task has ended.
local handle_methods = {}
local handle_metatable = { __index = handle_methods, __metatable = false }

function handle_metatable:__tostring()
    return ("task %s (%s)"):format(self.name, self:state())
end

local tasks = setmetatable({}, { __mode = "k" }) -- handle -> task

--- "ready", "running", "waiting" or "dead".
function handle_methods:state()
    local state = tasks[self].state
    return (state == "cut" or state == "new") and "ready" or state
end

local function call_with(fn, arguments)
    return fn(unpack(arguments, 1, arguments.count))
end

local function spawn(fn, ...)
    local count = select("#", ...)
    if count <= 3 then
        return scheduler.spawn(fn, ...)
    end
    return scheduler.spawn(call_with, fn, { count = count, ... })
end

--- Runs fn(...) as a task of its own and returns its handle. An error in it is logged with the
-- place of this call.
function perigee.go(fn, ...)
    if type(fn) ~= "function" then
        error(("perigee.go takes a function, got %s"):format(type(fn)), 2)
    end
    local task = spawn(fn, ...)
    task.name = where.of(fn)
    task.spawned_at = where(2)
    local handle = setmetatable({ name = task.name }, handle_metatable)
    tasks[handle] = task
    return handle
end

--- Waits `seconds`; at least lets other ready tasks run.
function perigee.sleep(seconds)
    if type(seconds) ~= "number" or seconds ~= seconds then
        error(("perigee.sleep takes seconds, got %s"):format(tostring(seconds)), 2)
    end
    if seconds <= 0 then
        scheduler.yield()
    else
        scheduler.wait(host.now() + seconds)
    end
end

--- Seconds on a clock that is never set: for measuring and for deadlines.
perigee.now = host.now

return perigee
