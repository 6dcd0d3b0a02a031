--- `perigee status`: workers, services, generations and the last errors of a running host.
local admin_client = require "perigee.cli.admin_client"
local cjson = require "cjson"
local destination_rows = require "perigee.cli.destination_rows"
local host = require "host"
local options = require "perigee.cli.options"
local table_text = require "perigee.core.table_text"
local url = require "perigee.http.url"

local status = { summary = "status          workers, services and errors of a running host" }

local KB = 1024

local function sum(isolates, key)
    local total = 0
    for _, isolate in ipairs(isolates) do
        total = total + (tonumber(isolate[key]) or 0)
    end
    return total
end

local function service_row(service)
    return {
        service.name,
        service.generation ~= cjson.null and tostring(service.generation or "-") or "-",
        service.state,
        service.mount or "-",
        tostring(sum(service.isolates, "in_flight")),
        tostring(sum(service.isolates, "websockets")),
        ("%.0f KB"):format(sum(service.isolates, "heap_size") / KB),
        ("%.2f s"):format(sum(service.isolates, "busy_s")),
        tostring(service.reloads),
        tostring(service.failures),
    }
end

local function print_failure(name, failure)
    io.stdout:write(("\n%s failed last at %s:\n    %s\n"):format(name,
        os.date("%Y-%m-%d %H:%M:%S", failure.at), (failure.message:gsub("\n", "\n    "))))
end

local function print_services(report)
    local rows = { { "SERVICE", "GEN", "STATE", "MOUNT", "IN FLIGHT", "SOCKETS", "HEAP", "BUSY",
        "RELOADS", "FAILURES" } }
    for _, service in ipairs(report.services) do
        rows[#rows + 1] = service_row(service)
    end
    local scheme = report.addresses.https and "https" or "http"
    io.stdout:write(("perigee %s, pid %d, up %.0f s, %s, %s %s\n\n"):format(report.version,
        report.pid, report.uptime_s, report.directory, scheme, report.addresses[scheme]))
    io.stdout:write(table_text.format(rows), "\n")
end

local function print_workers(report)
    local rows = { { "WORKER", "PID", "STATE", "RESTARTS", "CONNECTIONS", "REQUESTS" } }
    for _, worker in ipairs(report.workers) do
        local http = worker.http or {}
        rows[#rows + 1] = { tostring(worker.slot), tostring(worker.pid or "-"), worker.state,
            tostring(worker.restarts), tostring(http.connections or "-"),
            tostring(http.requests or "-") }
    end
    io.stdout:write(table_text.format(rows))
end

local function print_shared_memory(memory)
    if memory.total_size > 0 then
        io.stdout:write(("\nshared memory: %.0f of %.0f KB used by %d objects, %d evictions, "
            .. "%d refusals\n"):format(memory.used_size / KB, memory.total_size / KB,
            #memory.objects, memory.evictions, memory.refusals))
    end
end

local function print_registry(registry)
    if registry.backend ~= "embedded" then
        io.stdout:write(("\nregistry %s: %d of %d registered, last sign of life: %s\n"):format(
            registry.location, registry.registered, registry.wanted,
            registry.beat_age_s and ("%.0f s ago"):format(registry.beat_age_s)
                or "never"))
    end
end

local function print_channels(channels)
    if #channels == 0 then
        return
    end
    local rows = { { "CHANNEL", "LENGTH", "CAPACITY", "SENT", "RECEIVERS WAITING",
        "SENDERS WAITING" } }
    for _, channel in ipairs(channels) do
        rows[#rows + 1] = { channel.name, tostring(channel.length), tostring(channel.capacity),
            tostring(channel.sent), tostring(channel.waiting_receivers),
            tostring(channel.waiting_senders) }
    end
    io.stdout:write("\n" .. table_text.format(rows))
end

local function print_destinations(services)
    local rows = destination_rows(services)
    if rows[2] then
        io.stdout:write("\n" .. table_text.format(rows))
    end
end

local function print_failures(report)
    if report.tls and report.tls.last_error then
        print_failure("loading certificates", report.tls.last_error)
    end
    for _, service in ipairs(report.services) do
        if service.last_error then
            print_failure(service.name, service.last_error)
        end
    end
end

local function print_report(report)
    print_services(report)
    print_workers(report)
    print_shared_memory(report.shared_memory)
    print_registry(report.registry)
    print_channels(report.channels)
    print_destinations(report.services)
    print_failures(report)
end

local function seconds(number)
    return number and ("%.1f s"):format(number) or "-"
end

local function print_isolate(one)
    io.stdout:write(("worker %d, generation %s: %s\n"):format(one.worker,
        tostring(one.generation or "?"), one.tasks and ("%d tasks"):format(one.total)
            or "no answer, it may be computing: " .. tostring(one.error)))
    local rows = { { "TASK", "STATE", "WAITS ON", "FOR", "DEADLINE", "AT", "STARTED AT" } }
    for _, task in ipairs(one.tasks or {}) do
        rows[#rows + 1] = { task.name, task.state, task.waits_on or "-", seconds(task.waited_s),
            seconds(task.deadline_s), task.at or "-", task.spawned_at or "-" }
    end
    if rows[2] then
        io.stdout:write(table_text.format(rows))
    end
end

local function print_tasks(report)
    for _, one in ipairs(report.isolates) do
        print_isolate(one)
    end
end

function status.run(arguments, fail)
    local address, positional, values = admin_client.parse(arguments, options.status)
    if not address then
        return fail(2, positional)
    elseif #positional > 0 then
        return fail(2, "usage: perigee status [--tasks SERVICE] [--json] [--admin ADDRESS]")
    end
    local target = values.tasks and "/tasks?" .. url.encode_query({ service = values.tasks })
        or "/status"
    local report, code = admin_client.ask(address, "GET", target)
    if not report then
        return fail(1, code)
    elseif code ~= 200 then
        return fail(1, report.error or "the host answered " .. code)
    end
    if values.json then
        io.stdout:write(cjson.encode(report), "\n")
    elseif values.tasks then
        print_tasks(report)
    else
        print_report(report)
    end
    io.stdout:flush()
    host.exit(0)
end

return status
