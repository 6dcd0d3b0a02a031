--- `perigee profile SERVICE`: what a running service computes, as a flame graph, or what its heap
-- holds.
local admin_client = require "perigee.cli.admin_client"
local flame_graph = require "perigee.profile.flame_graph"
local folded = require "perigee.profile.folded"
local host = require "host"
local options = require "perigee.cli.options"
local table_text = require "perigee.core.table_text"
local url = require "perigee.http.url"

local profile = { summary = "profile NAME    what a service computes, or its --heap holds" }

local USAGE = "usage: perigee profile SERVICE [--seconds TIME] [--folded] [--heap] "
    .. "[--output FILE] [--admin ADDRESS]"

-- How much longer than the profile its answer may take.
local ANSWER_S = 30

local SHOWN_HOLDERS = 20

-- Writes to a file, or to standard output for "-". Returns true, or nil and a message.
local function write(path, text)
    if path == "-" then
        io.stdout:write(text)
        return true
    end
    local file, reason = io.open(path, "w")
    if not file then
        return nil, reason
    end
    local is_written = file:write(text)
    return file:close() and is_written and true or nil, path .. " cannot be written"
end

local function subtitle_of(report, seconds)
    local text = ("%d samples in %g s of %d worker%s, one each %g ms that the service computed"):
        format(report.samples, seconds, #report.workers, #report.workers == 1 and "" or "s",
            report.interval_ms)
    return report.dropped > 0 and ("%s; %d had no room"):format(text, report.dropped) or text
end

local function describe_workers(report)
    for _, worker in ipairs(report.workers) do
        if worker.error then
            io.stderr:write(("perigee: worker %d: %s\n"):format(worker.worker, worker.error))
        end
    end
end

-- Returns true, or nil and a message.
local function write_stacks(service, report, values)
    local path = values.output or service .. (values.folded and ".folded" or ".svg")
    local text = values.folded and folded.format(report.stacks)
        or flame_graph.draw(report.stacks, { title = service,
            subtitle = subtitle_of(report, values.seconds),
            script = assert(host.asset("perigee/profile/flame_graph.js")) })
    describe_workers(report)
    local is_ok, message = write(path, text)
    if is_ok and path ~= "-" then
        io.stdout:write(("%s: %s\n"):format(path, subtitle_of(report, values.seconds)))
    end
    return is_ok, message
end

local function size_text(size)
    return size >= 1024 * 1024 and ("%.1f MB"):format(size / 1024 / 1024)
        or ("%.1f KB"):format(size / 1024)
end

local function rows_of(heading, list, key, limit)
    local rows = { { "SIZE", "OBJECTS", heading } }
    for i = 1, math.min(#list, limit) do
        local one = list[i]
        rows[#rows + 1] = { size_text(one.size), tostring(one.count), one[key] }
    end
    return table_text.format(rows)
end

local function format_heap(report)
    local parts = {}
    for _, one in ipairs(report.workers) do
        if one.error then
            parts[#parts + 1] = ("worker %d: %s\n"):format(one.worker, one.error)
        else
            parts[#parts + 1] = ("worker %d, generation %d: a heap of %s; found %s in %d objects%s"
                .. "\n\n%s\n%s\n"):format(one.worker, one.generation,
                size_text(one.heap_size), size_text(one.size), one.count,
                one.is_complete and "" or "; the rest was too much to look at",
                rows_of("TYPE", one.types, "type", math.huge),
                rows_of("HELD BY", one.holders, "path", SHOWN_HOLDERS))
        end
    end
    return table.concat(parts, "\n")
end

local function target_of(service, values)
    if values.heap then
        return "/heap/" .. url.encode(service)
    end
    return ("/profile/%s?seconds=%g&interval_ms=%g"):format(url.encode(service), values.seconds,
        values.interval * 1000)
end

-- Returns true, or nil and a message.
local function run(address, service, values)
    local report, status = admin_client.ask(address, "POST", target_of(service, values),
        values.seconds + ANSWER_S)
    if not report then
        return nil, status
    elseif status ~= 200 then
        return nil, report.error or "the host answered " .. status
    elseif values.heap then
        return write(values.output or "-", format_heap(report))
    end
    return write_stacks(service, report, values)
end

function profile.run(arguments, fail)
    local address, positional, values = admin_client.parse(arguments, options.profile)
    if not address then
        return fail(2, positional)
    elseif #positional ~= 1 or values.heap and values.folded then
        return fail(2, USAGE)
    end
    local service = positional[1]
    local is_ok, message = run(address, service, values)
    if not is_ok then
        return fail(1, message)
    end
    io.stdout:flush()
    host.exit(0)
end

return profile
