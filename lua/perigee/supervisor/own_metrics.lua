--- What the supervisor itself knows, as families of metrics: services, reloads, workers, the
-- registry, shared memory and certificates. See perigee.supervisor.metrics.
local host = require "host"
local shared_memory = require "perigee.supervisor.shared_memory"

local SLOT = { "worker" }
local SERVICE = { "service" }

-- A family of `names` whose series are added by add(values, value).
local function family(list, kind, name, names, help)
    local self = { name = name, help = help, kind = kind, series = {} }
    list[#list + 1] = self
    return function(value, ...)
        self.series[#self.series + 1] = { names = names, values = { ... }, value = value }
    end
end

local function add_build(list)
    local add = family(list, "gauge", "perigee_build_info", { "version", "luajit" },
        "Always 1; its labels say what runs.")
    add(1, (host.version()), jit.version)
end

local function add_services(list, catalog)
    local info = family(list, "gauge", "perigee_service_info", { "service", "generation", "path" },
        "Always 1; its labels say which generation is live.")
    local up = family(list, "gauge", "perigee_service_up", SERVICE,
        "1 when the service is live, 0 when it failed to load.")
    local failing = family(list, "gauge", "perigee_service_reload_failing", SERVICE,
        "1 when the script that was saved last could not be loaded, and an older one runs.")
    local reloads = family(list, "counter", "perigee_reloads_total", { "service", "result" },
        "Reloads by their outcome; the first load is none, a failed one is.")
    for _, service in ipairs(catalog:list()) do
        local live = service.live
        info(1, service.name, tostring(live and live.number or 0), service.place.path)
        up(live and 1 or 0, service.name)
        failing(live and service.last_error and 1 or 0, service.name)
        reloads(service.reloads, service.name, "ok")
        reloads(service.failures, service.name, "failed")
    end
end

local function add_workers(list, workers)
    local up = family(list, "gauge", "perigee_worker_up", SLOT, "1 while the worker serves.")
    local restarts = family(list, "counter", "perigee_worker_restarts_total", SLOT,
        "How often the process was replaced by another.")
    local turn = family(list, "gauge", "perigee_worker_turn_seconds", SLOT,
        "For how long an isolate has had its turn by now; 0 while none has one.")
    for slot, worker in ipairs(workers.list) do
        local pulse = worker.pulse:read()
        up(worker.is_serving and 1 or 0, tostring(slot))
        restarts(worker.restarts, tostring(slot))
        turn(pulse.turn_started > 0 and math.max(0, host.now() - pulse.turn_started) or 0,
            tostring(slot))
    end
end

local function add_registry(list, membership)
    local status = membership:status()
    local backend = { "backend" }
    local wanted = family(list, "gauge", "perigee_registry_wanted", backend,
        "Instances of this host that are to stand in the registry.")
    local registered = family(list, "gauge", "perigee_registry_registered", backend,
        "Instances of this host that stand in the registry.")
    local beat = family(list, "gauge", "perigee_registry_beat_age_seconds", backend,
        "For how long the registry has not been told that this host lives.")
    local update = family(list, "gauge", "perigee_registry_update_age_seconds", backend,
        "For how long nothing has been heard of the registry.")
    wanted(status.wanted, status.backend)
    registered(status.registered, status.backend)
    if status.beat_age_s then
        beat(status.beat_age_s, status.backend)
    end
    if status.age_s then
        update(status.age_s, status.backend)
    end
end

local function add_shared_memory(list)
    local described = shared_memory.describe()
    local size = family(list, "gauge", "perigee_shared_memory_bytes", {},
        "Memory there is for perigee.shared and perigee.channel.")
    local used = family(list, "gauge", "perigee_shared_memory_used_bytes", {},
        "Memory that is given out.")
    size(described.total_size)
    used(described.used_size)
    for _, sum in ipairs({ "evictions", "refusals", "recoveries" }) do
        local add = family(list, "counter", ("perigee_shared_%s_total"):format(sum), {},
            ("%s of all shared dictionaries."):format(sum:gsub("^%l", string.upper)))
        add(described[sum])
    end
end

local function add_certificates(list, certificates)
    if not certificates then
        return
    end
    local until_s = family(list, "gauge", "perigee_tls_not_after_timestamp_seconds", { "file" },
        "When the certificate ends.")
    for i, validity in ipairs(certificates.validities) do
        until_s(validity.last, certificates.settings.certificates[i])
    end
    local reloads = family(list, "counter", "perigee_tls_reloads_total", {},
        "How often certificates were loaded anew.")
    reloads(certificates.reloads)
end

local function add_influx(list, influx)
    if not influx then
        return
    end
    local status = influx:status()
    local written = family(list, "counter", "perigee_influx_points_written_total", {},
        "Points that InfluxDB has taken.")
    local dropped = family(list, "counter", "perigee_influx_points_dropped_total", { "reason" },
        "Points that were given up.")
    local failures = family(list, "counter", "perigee_influx_failures_total", {},
        "Writes that InfluxDB did not take, or not in time.")
    local waiting = family(list, "gauge", "perigee_influx_waiting_batches", {},
        "Batches of points that wait to be sent.")
    written(status.written)
    failures(status.failures)
    waiting(status.waiting)
    for _, reason in ipairs({ "full", "refused", "closed" }) do
        dropped(status.dropped[reason] or 0, reason)
    end
end

--- The families, in no order. `influx` of perigee.supervisor.influx, or nil.
return function(supervisor, influx)
    local list = {}
    add_build(list)
    add_services(list, supervisor.catalog)
    add_workers(list, supervisor.workers)
    add_registry(list, supervisor.membership)
    add_shared_memory(list)
    add_certificates(list, supervisor.certificates)
    add_influx(list, influx)
    return list
end
