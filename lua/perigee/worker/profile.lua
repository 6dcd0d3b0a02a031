--- Samples of what one service computes in this worker. The service goes on serving meanwhile.
local folded = require "perigee.profile.folded"
local host = require "host"
local scheduler = require "perigee.core.scheduler"

-- What is sampled waits in the host for no longer than this, so little room is enough there.
local TAKE_S = 0.05

local STACK_LIMIT = 10000

-- What a walk of a heap needs of it to remember where it was: a service at its limit can be looked
-- at too.
local HEAP_ROOM_SIZE = 128 * 1024 * 1024

-- How much longer the answer may take than the walk.
local HEAP_ANSWER_S = 2

local profile = {}

-- Collects until the deadline, or until the generation is closed, which ends its samples. Returns
-- how many ticks had no room.
local function collect(one, stacks, deadline)
    local dropped = 0
    while true do
        local text, count = host.profile_take(one.handle)
        if not text then
            return dropped
        end
        stacks:add_samples(text)
        dropped = dropped + count
        if host.now() >= deadline then
            return dropped
        end
        scheduler.sleep(math.min(deadline, host.now() + TAKE_S))
    end
end

--- Samples a generation for `seconds`, every `interval_ms` of its turns.
-- @return { generation=, seconds= that it took, samples=, dropped=, stacks = { { stack=, count= },
-- ... } }; or nil and a message
function profile.sample(one, seconds, interval_ms)
    local started = host.now()
    local is_started, code = host.profile_start(one.handle, interval_ms * 1000)
    if not is_started then
        return nil, code == "full" and "another profile is under way in this worker"
            or "the profile could not be started: " .. code
    end
    local stacks = folded.new(STACK_LIMIT)
    local dropped = collect(one, stacks, started + seconds)
    host.profile_stop(one.handle)
    return { generation = one.number, seconds = host.now() - started, samples = stacks.total,
        dropped = dropped, stacks = stacks:list() }
end

--- Has a generation count what its heap holds, for at most `seconds`.
-- @return what perigee.service.heap says, with the number of the generation; or nil and a message
function profile.count_heap(one, seconds)
    local report, _, detail = one:call_with_room(HEAP_ROOM_SIZE, "heap", { seconds = seconds },
        seconds + HEAP_ANSWER_S)
    if not report then
        return nil, detail
    end
    report.generation = one.number
    return report
end

return profile
