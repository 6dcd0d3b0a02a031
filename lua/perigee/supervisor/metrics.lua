--- All metrics of the host: what workers count in memory that this process maps too, whether they
-- run or are stuck, and what the supervisor itself knows.
local influx = require "perigee.supervisor.influx"
local metric_merge = require "perigee.supervisor.metric_merge"
local own_metrics = require "perigee.supervisor.own_metrics"
local process_metrics = require "perigee.supervisor.process_metrics"

local metrics = {}
local methods = {}
local metatable = { __index = methods }

--- Those of a supervisor whose workers are there.
function metrics.new(supervisor)
    local arenas = {}
    for slot, worker in ipairs(supervisor.workers.list) do
        arenas[slot] = worker.arena
    end
    return setmetatable({ supervisor = supervisor, merge = metric_merge.new(arenas) }, metatable)
end

local function by_name(one, other)
    return one.name < other.name
end

--- Every family there is, in the order of their names, as perigee.supervisor.metric_merge has them:
--
--    { name = "http_server_request_duration_seconds", help=, kind = "histogram", series = {
--        { names = { "service", "method", ... }, values = { "hello", "GET", ... }, bounds = {...},
--          buckets = {...}, sum = 0.0721, count = 5 }, ... } }
--    { name = "perigee_service_tasks", help=, kind = "gauge", series = {
--        { names = { "service", "worker" }, values = { "hello", "1" }, value = 3 }, ... } }
--
-- Waits for nothing. Buckets are not cumulative; counters and histograms are summed over workers,
-- gauges are told apart by the label `worker`. The tables belong to the next call, which changes
-- their numbers.
function methods:read()
    local families = {}
    for _, list in ipairs({ self.merge:read(), own_metrics(self.supervisor, self.influx),
        process_metrics(self.supervisor) }) do
        for _, family in ipairs(list) do
            families[#families + 1] = family
        end
    end
    table.sort(families, by_name)
    return families
end

--- Begins to send them to an InfluxDB; nothing without `settings` (perigee.supervisor.influx).
function methods:push(settings)
    self.influx = settings and influx.open(settings, self)
end

--- Sends what there is still to send; waits for that.
function methods:close()
    if self.influx then
        self.influx:close()
    end
end

return metrics
