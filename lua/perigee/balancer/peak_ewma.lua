--- Of two members drawn by chance the cheaper: latency, calls under way and failures make a member
-- dear, weight makes it cheap. Latency counts in full, as in Finagle: with its square root one of
-- three that is ten times as slow still gets so many calls that they are the p99. The loser is
-- taken all the same when it was not picked for a second, or nobody would learn that it has
-- recovered; one such call at a time.
local two_of = require "perigee.balancer.two_of"

local peak_ewma = {}

local methods = {}
local metatable = { __index = methods }

local max = math.max

-- Keeps the number of calls in the cost of a member that answers in no time.
local LEAST_LATENCY_S = 1e-6

-- However often a member fails, it stays comparable.
local LEAST_SUCCESS = 0.1

local PROBE_S = 1

-- How long the latency that stands for a member without one is used.
local TYPICAL_S = 1

function peak_ewma.new(random)
    return setmetatable({ random = random, typical_s = 0, typical_until = -math.huge }, metatable)
end

local function median_latency(members)
    local latencies = {}
    for i = 1, #members do
        if members[i].has_latency then
            latencies[#latencies + 1] = members[i].latency_s
        end
    end
    table.sort(latencies)
    return latencies[math.ceil(#latencies / 2)]
end

-- A new member counts as neither fast, which would draw all calls, nor slow, which would starve it.
local function typical_latency(self, members, now)
    if now >= self.typical_until then
        local median = median_latency(members)
        self.typical_s = median or 0
        self.typical_until = median and now + TYPICAL_S or -math.huge
    end
    return self.typical_s
end

local function cost(self, members, member, now)
    local latency_s = member.has_latency and member.latency_s
        or typical_latency(self, members, now)
    return (latency_s + LEAST_LATENCY_S) * (member.in_flight + 1)
        / (member.weight * max(member.success, LEAST_SUCCESS))
end

local function with_probe(winner, loser, now)
    if not loser.is_probed and now - loser.picked_at > PROBE_S then
        loser.is_probed = true
        return loser
    end
    return winner
end

function methods:pick(members, _, now, excluded)
    local a, b = two_of(self.random, members, excluded)
    if not b then
        return a
    end
    if cost(self, members, b, now) < cost(self, members, a, now) then
        a, b = b, a
    end
    return with_probe(a, b, now)
end

return peak_ewma
