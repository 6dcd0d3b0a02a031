--- What is known of a member: calls under way, latency and success as exponentially weighted
-- averages. Latency follows peaks at once and forgets them with time, as in Finagle's peak EWMA.
local statistics = {}

local exp, max = math.exp, math.max

-- An average forgets two thirds in this time.
local DECAY_S = 10

--- The statistics of a new member, beside its `instance`, which never change their shape.
function statistics.new(instance, now)
    return {
        instance = instance,
        weight = 0,            -- effective, a whole number; roster sets it
        in_flight = 0,
        latency_s = 0,
        has_latency = false,   -- latency_s says something
        success = 1,           -- 0 to 1
        completed_at = now,
        picked_at = -math.huge,
        is_probed = false,     -- a pick for its own sake is under way; see peak_ewma
        joined_at = -math.huge,
        ejected_until = false,
        is_down = false,       -- checks say so
        is_member = true,      -- false when it has left the list
    }
end

--- A call has begun. `load.in_flight` counts those of all members.
function statistics.begin(member, load)
    member.in_flight = member.in_flight + 1
    load.in_flight = load.in_flight + 1
end

-- The newer the last value, the less a next one changes.
local function weight_of_old(member, now)
    return exp(-max(0, now - member.completed_at) / DECAY_S)
end

local function add_latency(member, latency_s, old)
    if not member.has_latency or latency_s > member.latency_s then
        member.latency_s, member.has_latency = latency_s, true
    else
        member.latency_s = member.latency_s * old + latency_s * (1 - old)
    end
end

--- A call is over; see perigee.balancer.
function statistics.finish(member, load, now, latency_s, is_ok)
    assert(member.in_flight > 0, "a call was finished that had not begun")
    member.in_flight = member.in_flight - 1
    load.in_flight = load.in_flight - 1
    member.is_probed = false
    if is_ok == nil then
        return
    end
    local old = weight_of_old(member, now)
    add_latency(member, latency_s, old)
    member.success = member.success * old + (is_ok and 1 or 0) * (1 - old)
    member.completed_at = now
end

return statistics
