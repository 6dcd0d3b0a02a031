--- `perigee check [DIR]`: loads every service as the host would and serves nothing.
local catalog = require "perigee.supervisor.catalog"
local directory = require "perigee.supervisor.directory"
local event = require "perigee.core.event"
local generation = require "perigee.worker.generation"
local host = require "host"
local policy = require "perigee.service.policy"
local scheduler = require "perigee.core.scheduler"
local serve = require "perigee.cli.serve"
local source = require "perigee.supervisor.source"

local check = { summary = "check [DIR]     load every service, serve nothing" }

-- Returns the service's mount, or nil and a message.
local function load_service(place, settings)
    local text, code = source.open(place)
    if not text.script then
        return nil, ("%s cannot be read: %s"):format(place.path, code)
    end
    local held = policy.of(settings.policies, place.name)
    local candidate, message = generation.open({
        service = place.name,
        number = 1,
        path = place.path,
        memory_size = settings.memory_size,
        readable = held.grants.read,
        cpu_warning_s = settings.worker.cpu_warning_s,
        cpu_budget_s = settings.worker.cpu_budget_s,
        fetch_module = function(name)
            return text:module(name)
        end,
    })
    if not candidate then
        return nil, message
    end
    local manifest, _, detail = candidate:call("load", {
        name = place.name, source = text.script, chunk = place.path,
        settings = settings.worker.service, policy = held,
    }, settings.worker.load_timeout_s)
    candidate:close()
    if not manifest then
        return nil, detail
    end
    return manifest.mount or catalog.default_mount(place.name)
end

local function sorted(found)
    local list = {}
    for _, place in pairs(found) do
        list[#list + 1] = place
    end
    table.sort(list, function(a, b)
        return a.name < b.name
    end)
    return list
end

local function check_all(found, settings)
    local owners, failures = {}, 0
    for _, place in ipairs(sorted(found)) do
        local mount, message = load_service(place, settings)
        if mount and owners[mount] then
            message = ("%s: the mount \"%s\" is taken by %s"):format(place.path, mount,
                owners[mount])
            mount = nil
        end
        if mount then
            owners[mount] = place.path
            io.stdout:write(("ok      %s  %s\n"):format(place.path, mount))
        else
            failures = failures + 1
            io.stdout:write(("FAILED  %s\n        %s\n"):format(place.path,
                (message:gsub("\n", "\n        "))))
        end
    end
    return failures
end

function check.run(arguments, fail)
    local settings, message = serve.read_settings(arguments)
    if not settings then
        return fail(2, message)
    end
    local is_ok, problem = serve.check_directory(settings.directory)
    if not is_ok then
        return fail(1, problem)
    end
    host.start_watchdog(settings.worker.slice_ms)
    if settings.worker.shared_size > 0 then
        assert(host.shared_memory_create(settings.worker.shared_size))
    end
    scheduler.on_event(event.MESSAGE, function(handle, _, bytes)
        local one = generation.find(handle)
        if one then
            one.peer:receive(bytes)
        end
    end)
    local found, problems = directory.open({ path = settings.directory,
        module_paths = settings.module_paths }):scan()
    local failures = check_all(found, settings)
    for _, text in ipairs(problems) do
        failures = failures + 1
        io.stdout:write("FAILED  ", text, "\n")
    end
    io.stdout:flush()
    host.exit(failures == 0 and 0 or 1)
end

return check
