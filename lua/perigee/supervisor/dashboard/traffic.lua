--- What was asked of each service and how it went, out of the metrics: counts since the host began.
local traffic = {}

local HTTP, RPC = "http_server_request_duration_seconds", "rpc_server_call_duration_seconds"

-- Whether the last value of `series` under one of its labels is an error of the service's.
local FAILED = {
    [HTTP] = { "status", function(value)
        return value:find("^5") ~= nil
    end },
    [RPC] = { "code", function(value)
        return value ~= "" and value:lower() ~= "ok"
    end },
}

local function labels_of(series)
    local labels = {}
    for i, name in ipairs(series.names) do
        labels[name] = series.values[i]
    end
    return labels
end

local function new_sum()
    return { count = 0, errors = 0, sum_s = 0, buckets = {} }
end

-- Buckets of series that differ in their bounds cannot be added: those of the first count.
local function add(sum, series, is_failed)
    sum.count, sum.sum_s = sum.count + series.count, sum.sum_s + series.sum
    sum.errors = sum.errors + (is_failed and series.count or 0)
    sum.bounds = sum.bounds or series.bounds
    if #series.bounds == #sum.bounds then
        for i, count in ipairs(series.buckets) do
            sum.buckets[i] = (sum.buckets[i] or 0) + count
        end
    end
end

local function add_family(services, family)
    local label, is_failure = unpack(FAILED[family.name])
    for _, series in ipairs(family.series) do
        local labels = labels_of(series)
        local name = labels.service
        if name then
            services[name] = services[name] or new_sum()
            add(services[name], series, is_failure(labels[label] or ""))
        end
    end
end

--- @return { name of a service = { count = requests and calls, errors = those that failed, sum_s =
-- their durations, bounds = { seconds, ... }, buckets = { count, ... } } }, where buckets are not
-- cumulative and one longer than bounds; nil when this host keeps no metrics
function traffic.read(supervisor)
    if not supervisor.metrics then
        return nil
    end
    local services = {}
    for _, family in ipairs(supervisor.metrics:read()) do
        if FAILED[family.name] then
            add_family(services, family)
        end
    end
    return services
end

return traffic
