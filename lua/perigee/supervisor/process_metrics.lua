--- What the kernel knows of the processes of this host, by the names every Prometheus client has
-- for it (proc(5)). See perigee.supervisor.metrics.
local host = require "host"

local LIMIT = 64 * 1024
local KIB = 1024

-- Of user programs, on every Linux.
local TICKS_PER_S = 100

local FAMILIES = {
    { "process_cpu_seconds_total", "counter", "User and system CPU time." },
    { "process_start_time_seconds", "gauge", "When the process was started, since 1970." },
    { "process_resident_memory_bytes", "gauge", "Resident memory." },
    { "process_virtual_memory_bytes", "gauge", "Virtual memory." },
    { "process_virtual_memory_max_bytes", "gauge", "The most virtual memory there may be." },
    { "process_open_fds", "gauge", "Open file descriptors." },
    { "process_max_fds", "gauge", "The most open file descriptors there may be." },
    { "process_threads", "gauge", "Threads." },
}

local function read(pid, name)
    return host.read_file(("/proc/%s/%s"):format(pid, name), LIMIT) or ""
end

local boot_time

local function booted_at()
    boot_time = boot_time
        or tonumber(host.read_file("/proc/stat", KIB * LIMIT):match("\nbtime (%d+)"))
    return boot_time
end

-- The fields behind the name, which may hold anything: the first of these is the third of all.
local function stat_fields(pid)
    local fields = {}
    for field in (read(pid, "stat"):match("^.*%)(.*)$") or ""):gmatch("%S+") do
        fields[#fields + 1] = field
    end
    return fields
end

local function limit_of(limits, name)
    local soft = limits:match(name .. "%s+(%S+)")
    return soft == "unlimited" and -1 or tonumber(soft)
end

--- The values of one process by the names above, as far as they are known.
local function measure(pid)
    local fields, status, limits = stat_fields(pid), read(pid, "status"), read(pid, "limits")
    local descriptors = host.list_directory(("/proc/%s/fd"):format(pid))
    local user, system, started = tonumber(fields[12]), tonumber(fields[13]), tonumber(fields[20])
    if not started then
        return {} -- it has ended
    end
    return {
        process_cpu_seconds_total = (user + system) / TICKS_PER_S,
        process_start_time_seconds = booted_at() + started / TICKS_PER_S,
        process_resident_memory_bytes = KIB * (tonumber(status:match("VmRSS:%s*(%d+)")) or 0),
        process_virtual_memory_bytes = tonumber(fields[21]),
        process_virtual_memory_max_bytes = limit_of(limits, "Max address space"),
        process_open_fds = descriptors and #descriptors,
        process_max_fds = limit_of(limits, "Max open files"),
        process_threads = tonumber(fields[18]),
    }
end

local function add_process(list, name, pid)
    local measured = measure(pid)
    for i, family in ipairs(FAMILIES) do
        local value = measured[family[1]]
        if value then
            table.insert(list[i].series, { names = { "process" }, values = { name },
                value = value })
        end
    end
end

--- The families, one series for each process: "supervisor", "worker 1" and so on.
return function(supervisor)
    local list = {}
    for i, family in ipairs(FAMILIES) do
        list[i] = { name = family[1], kind = family[2], help = family[3], series = {} }
    end
    add_process(list, "supervisor", host.pid())
    for slot, worker in ipairs(supervisor.workers.list) do
        if worker.child then
            add_process(list, "worker " .. slot, worker.pid)
        end
    end
    return list
end
