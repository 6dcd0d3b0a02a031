--- What is counted of destinations, as plain tables.
local scheduler = require "perigee.core.scheduler"

local tally = {}

--- The counts of one destination at its beginning.
function tally.new()
    return {
        requests = 0,             -- calls
        without_instance = 0,     -- calls while there was none
        failures = 0,             -- calls whose last attempt showed that its instance is ill
        retries = 0,
        hedges = 0,
        elsewhere = 0,            -- attempts that had not run and went to another instance
        budget_exhausted = 0,     -- retries and hedges for which there was no token
        rejected_by_breaker = 0,
        rejected_by_bulkhead = 0,
    }
end

local function add_instances(sums, instances)
    for id, one in pairs(instances) do
        local sum = sums[id]
        if not sum then
            sums[id] = one
        else
            sum.requests, sum.failures = sum.requests + one.requests, sum.failures + one.failures
            sum.ejections = sum.ejections + one.ejections
            sum.in_flight = sum.in_flight + one.in_flight
            sum.is_ejected = sum.is_ejected or one.is_ejected
            sum.is_healthy = sum.is_healthy and one.is_healthy
        end
    end
end

local function add_breakers(sums, described)
    for method, one in pairs(described) do
        local sum = sums[method]
        sums[method] = not sum and one or { refusal = math.max(sum.refusal, one.refusal),
            refusals = sum.refusals + one.refusals }
    end
end

--- Adds a destination to the sums of its service; nil are those of none.
-- @return { requests =, failures =, ... as in tally.new; ejections =, in_flight =, queued =, tokens
-- = of the fullest budget, is_panic =, breakers = method → { refusal =, refusals = }, and instances
-- = id → { address =, requests =, failures =, ejections =, in_flight =, latency_s =, success =,
-- is_ejected =, is_healthy = } }
function tally.add(sums, destination)
    sums = sums or { ejections = 0, in_flight = 0, queued = 0, tokens = 0, is_panic = false,
        breakers = {}, instances = {} }
    for name, count in pairs(destination.counts) do
        sums[name] = (sums[name] or 0) + count
    end
    local bulkhead, members = destination.bulkhead, destination.members
    sums.ejections = sums.ejections + members.ejections
    sums.queued = sums.queued + (bulkhead and bulkhead.waiting_count or 0)
    sums.tokens = math.max(sums.tokens, destination.settings.budget
        and destination.budget.tokens or 0)
    sums.is_panic = sums.is_panic or members.balancer:is_panic()
    add_breakers(sums.breakers, destination.breakers:describe(scheduler.now()))
    local instances = members:describe()
    for _, one in pairs(instances) do
        sums.in_flight = sums.in_flight + one.in_flight
    end
    add_instances(sums.instances, instances)
    return sums
end

return tally
