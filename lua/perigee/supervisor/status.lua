--- What `/status` and `perigee status` tell: plain data about workers, services and generations.
local host = require "host"
local json = require "perigee.json"
local shared_memory = require "perigee.supervisor.shared_memory"

local status = {}

local function describe_worker(worker, report)
    return {
        slot = worker.slot,
        pid = worker.pid,
        state = worker.is_serving and "serving" or worker.state,
        restarts = worker.restarts,
        http = report and report.http,
        rpc = report and report.rpc,
        log = report and report.log,
        dropped_traces = report and report.dropped_traces,
    }
end

local function method_names(methods)
    local names = json.array()
    for i, method in ipairs(methods) do
        names[i] = method.name
    end
    return names
end

local function describe_service(service)
    local live = service.live
    return {
        name = service.name,
        path = service.place.path,
        state = live and "live" or service.is_quarantined and "quarantined" or "failed",
        generation = live and live.number,
        mount = live and live.mount,
        replicas = live and live.manifest.replicas,
        routes = live and json.array(live.manifest.routes),
        methods = live and method_names(live.manifest.methods),
        reloads = service.reloads,
        failures = service.failures,
        restarts = service.restarts,
        last_error = service.last_error,
        isolates = json.array(),
    }
end

local function add_isolates(services, worker, report)
    for _, isolate in ipairs(report.services) do
        local service = services[isolate.service]
        if service then
            isolate.worker = worker.slot
            isolate.service = nil
            table.insert(service.isolates, isolate)
        end
    end
end

-- What the shared memory knows of a channel, and who waits in which worker.
local function describe_channels(objects, reports)
    local channels = json.array()
    for _, object in ipairs(objects) do
        if object.kind == "channel" then
            object.waiting_receivers, object.waiting_senders = 0, 0
            for _, result in pairs(reports) do
                local waiting = result[1] and result[1].channels[object.name] or { 0, 0 }
                object.waiting_receivers = object.waiting_receivers + waiting[1]
                object.waiting_senders = object.waiting_senders + waiting[2]
            end
            channels[#channels + 1] = object
        end
    end
    return channels
end

--- `parts` = { catalog=, workers=, settings=, started_at=, addresses=, membership=,
-- certificates= or nil }. Asks every worker, so it waits.
function status.collect(parts)
    local by_name, services, workers = {}, json.array(), json.array()
    for _, service in ipairs(parts.catalog:list()) do
        local described = describe_service(service)
        by_name[service.name] = described
        services[#services + 1] = described
    end
    local reports = parts.workers:call("status", nil, 1)
    for _, worker in ipairs(parts.workers.list) do
        local report = reports[worker.slot] and reports[worker.slot][1]
        workers[#workers + 1] = describe_worker(worker, report)
        if report then
            add_isolates(by_name, worker, report)
        end
    end
    local memory = shared_memory.describe()
    return {
        version = (host.version()),
        pid = host.pid(),
        uptime_s = host.now() - parts.started_at,
        directory = parts.settings.directory,
        addresses = parts.addresses,
        registry = parts.membership:status(),
        tls = parts.certificates and parts.certificates:describe(),
        shared_memory = memory,
        channels = describe_channels(memory.objects, reports),
        log = host.log_counters(),
        traces = parts.traces:counters(),
        workers = workers,
        services = services,
    }
end

return status
