--- Bounds what this worker has in memory, all of its services together. Whoever has the largest
-- heap goes first; a heap that is given back shows in a moment.
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local memory = {}

local LOOK_S, PAUSE_S = 0.25, 1
local SMALL_HEAP_SIZE = 1024 * 1024

--- Bytes that this process has in memory (proc(5)).
local function resident_size()
    local status = host.read_file("/proc/self/status", 64 * 1024) or ""
    return 1024 * (tonumber(status:match("VmRSS:%s*(%d+)")) or 0)
end

-- The generation with the largest heap, and how large that is.
local function largest(list)
    local found, found_size = nil, 0
    for _, one in ipairs(list) do
        local counters = host.isolate_counters(one.handle)
        if counters and counters.heap_size > found_size then
            found, found_size = one, counters.heap_size
        end
    end
    return found, found_size
end

local function in_mb(size)
    return ("%.1f MB"):format(size / 1024 / 1024)
end

local function relieve(size, limit, options)
    local one, heap_size = largest(options.list_generations())
    local reason = ("the worker has %s in memory, and may have %s (--worker-memory)"):format(
        in_mb(size), in_mb(limit))
    if heap_size >= SMALL_HEAP_SIZE then
        options.restart(one, ("%s; this heap is the largest, %s"):format(reason, in_mb(heap_size)))
        return
    end
    log.error(reason .. ", and no service has a heap worth closing: it ends and is replaced")
    options.exit()
end

--- Looks from time to time, for ever. `options` = { list_generations = function(), restart =
-- function(generation, reason), exit = function() }.
function memory.watch(limit, options)
    scheduler.spawn(function()
        while true do
            local size = resident_size()
            if size > limit then
                relieve(size, limit, options)
                scheduler.sleep(host.now() + PAUSE_S)
            end
            scheduler.sleep(host.now() + LOOK_S)
        end
    end).name = "memory of the worker"
end

return memory
