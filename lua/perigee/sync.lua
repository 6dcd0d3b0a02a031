--- What Go has in `sync` and next to it, for the tasks of one service. Code between two waits is
-- not interrupted by other tasks, so a lock is needed only for what must stay whole across a wait.
local MODULES = {
    mutex = "perigee.core.sync.mutex",
    rwmutex = "perigee.core.sync.rw_mutex",
    wait_group = "perigee.core.sync.wait_group",
    once = "perigee.core.sync.once",
    cond = "perigee.core.sync.cond",
    semaphore = "perigee.core.sync.semaphore",
    singleflight = "perigee.core.sync.singleflight",
}

-- Each is loaded when it is first asked for: sync.mutex(), sync.semaphore(3), ...
return setmetatable({}, {
    __index = function(self, name)
        local constructor = MODULES[name] and require(MODULES[name]).new
        if constructor then
            rawset(self, name, constructor)
        end
        return constructor
    end,
    __metatable = false,
})
