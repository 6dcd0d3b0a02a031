--- `perigee`: tasks, channels and time. Names are Go's where Go has the thing. What a service does
-- not use is not loaded.
local scheduler = require "perigee.core.scheduler"

local MODULES = {
    go = "perigee.core.task",
    chan = "perigee.core.channel",
    channel = "perigee.named_channel",
    select = "perigee.core.select",
    wake = "perigee.core.select",
    group = "perigee.core.group",
    after = "perigee.core.timer",
    after_func = "perigee.core.timer",
    tick = "perigee.core.timer",
    timer = "perigee.core.timer",
}

local perigee = {}

--- Waits `seconds`; at least lets other ready tasks run. Returns true; or nil, "canceled" or
-- "timeout" when the task's context ended first.
function perigee.sleep(seconds)
    if type(seconds) ~= "number" or seconds ~= seconds then
        error(("perigee.sleep takes seconds, got %s"):format(tostring(seconds)), 2)
    end
    local is_over, reason
    if seconds <= 0 then
        is_over, reason = scheduler.yield()
    else
        is_over, reason = scheduler.sleep(scheduler.now() + seconds)
    end
    return is_over, reason
end

--- Seconds on a clock that is never set: for measuring and for deadlines.
function perigee.now()
    return scheduler.now()
end

return setmetatable(perigee, {
    __index = function(self, name)
        local module = MODULES[name] and require(MODULES[name])
        -- A module that makes one kind of thing calls that `new`, or `open` when others may have
        -- made it.
        local value = module and (module[name] or module.new or module.open)
        if value then
            rawset(self, name, value)
        end
        return value
    end,
    __metatable = false,
})
