--- The rows of a table of what the services of a host call (perigee.destination), out of /status.

local TITLES = { "CALLED", "CALLS", "FAILED", "RETRIES", "HEDGES", "REJECTED", "INSTANCES",
    "LEFT OUT" }

local COUNTS = { "requests", "failures", "without_instance", "retries", "hedges",
    "rejected_by_breaker", "rejected_by_bulkhead" }

local function new_sum()
    local sum = { known = {}, known_count = 0, out_count = 0 }
    for _, name in ipairs(COUNTS) do
        sum[name] = 0
    end
    return sum
end

-- An instance is one, whoever calls it; it is left out when one of them leaves it out.
local function add_instance(sum, id, instance)
    local is_out = instance.is_ejected or not instance.is_healthy
    if sum.known[id] == nil then
        sum.known[id] = false
        sum.known_count = sum.known_count + 1
    end
    if is_out and not sum.known[id] then
        sum.known[id] = true
        sum.out_count = sum.out_count + 1
    end
end

local function add(sum, counters)
    for _, name in ipairs(COUNTS) do
        sum[name] = sum[name] + counters[name]
    end
    for id, instance in pairs(counters.instances) do
        add_instance(sum, id, instance)
    end
end

local function sums_of(services)
    local sums = {}
    for _, service in ipairs(services) do
        for _, isolate in ipairs(service.isolates) do
            for name, counters in pairs(isolate.destinations or {}) do
                sums[name] = sums[name] or new_sum()
                add(sums[name], counters)
            end
        end
    end
    return sums
end

local function row(name, sum)
    return { name, ("%d"):format(sum.requests),
        ("%d"):format(sum.failures + sum.without_instance),
        ("%d"):format(sum.retries), ("%d"):format(sum.hedges),
        ("%d"):format(sum.rejected_by_breaker + sum.rejected_by_bulkhead),
        tostring(sum.known_count), tostring(sum.out_count) }
end

--- @param services as /status has them
-- @return a list of rows, the titles first, then one for each service that is called, by name
return function(services)
    local sums, names, rows = sums_of(services), {}, { TITLES }
    for name in pairs(sums) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        rows[#rows + 1] = row(name, sums[name])
    end
    return rows
end
