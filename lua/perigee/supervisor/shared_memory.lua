--- The memory of perigee.shared as the supervisor has it: made before the first worker, inherited
-- by each, and there for as long as the host runs.
local host = require "host"
local json = require "perigee.json"

local shared_memory = {}

--- Makes `size` bytes. Returns the descriptor for the workers, -1 for no memory at all; or nil and
-- a message.
function shared_memory.open(size)
    if size == 0 then
        return -1
    end
    local descriptor, code = host.shared_memory_create(size)
    if not descriptor then
        return nil, ("there are no %d bytes for --shared-memory: %s"):format(size, code)
    end
    return descriptor
end

--- What /status tells: sizes in bytes, each object with its counters, and the sums of those.
function shared_memory.describe()
    local total_size, used_size = host.shared_sizes()
    local described = { total_size = total_size, used_size = used_size, evictions = 0, refusals = 0,
        recoveries = 0, objects = json.array() }
    local number = 0
    local object = host.shared_object(number)
    while object do
        -- A worker that runs wild may have written anything there.
        object.name = object.name:gsub("[^%g ]", "?")
        described.objects[#described.objects + 1] = object
        for _, sum in ipairs({ "evictions", "refusals", "recoveries" }) do
            described[sum] = described[sum] + (object[sum] or 0)
        end
        number = number + 1
        object = host.shared_object(number)
    end
    return described
end

return shared_memory
