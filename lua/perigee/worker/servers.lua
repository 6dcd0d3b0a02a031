--- The servers of a worker: those of clients, and the one that other workers send requests on to.
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"

local servers = {}

local DRAIN_STEP_S = 0.01

-- What comes from other workers has a few fields more, and has passed their limits.
local MESH_HEAD_SIZE, MESH_FIELDS = 8 * 1024, 4

local numbers = {} -- "http", "rpc" or "mesh" -> the number of the server

-- By the same names: attempts to accept that had failed at the last look, and whether that was
-- told.
local failure_counts, is_failing = {}, {}

local function mesh_options(http_options)
    local options = {}
    for name, value in pairs(http_options) do
        options[name] = value
    end
    options.is_trusted = true
    options.max_head = options.max_head + MESH_HEAD_SIZE
    options.max_fields = options.max_fields + MESH_FIELDS
    return options
end

local function close_all()
    for name, number in pairs(numbers) do
        host.close_server(number)
        numbers[name] = nil
    end
end

--- What new connections of clients get from now on: `tls` = options of host.set_tls, or nil, and
-- then nothing changes. True, or nil and a message; then some may have got it.
function servers.set_tls(tls, is_rpc_secured)
    for _, name in ipairs({ "http", is_rpc_secured and "rpc" or nil }) do
        if tls and numbers[name] then
            local is_ok, _, message = host.set_tls(numbers[name], tls)
            if not is_ok then
                return nil, message
            end
        end
    end
    return true
end

--- Starts to accept connections on `descriptors` = { http=, mesh=, rpc= } as `settings` say. Asking
-- again changes nothing. True, or nil and a reason; then nothing is served.
function servers.open(descriptors, settings)
    if numbers.http then
        return true
    end
    local code
    numbers.http, code = host.serve_http(descriptors.http, settings.http)
    if numbers.http then
        numbers.mesh, code = host.serve_http(descriptors.mesh, mesh_options(settings.http))
    end
    if numbers.mesh and settings.rpc then
        settings.rpc.first_type = settings.first_type
        numbers.rpc, code = host.serve_rpc(descriptors.rpc, settings.rpc)
    end
    local is_ok, reason = not code, code
    if is_ok then
        is_ok, reason = servers.set_tls(settings.tls, settings.is_rpc_secured)
    end
    if not is_ok then
        close_all() -- what was to speak TLS must not speak without it
    end
    return is_ok, reason
end

--- Counters of the server `name`, or nil.
function servers.counters(name)
    return numbers[name] and host.server_counters(numbers[name])
end

--- Says in the log when a server cannot accept, and when it can again.
function servers.watch_accepting()
    for name, number in pairs(numbers) do
        local counters = host.server_counters(number)
        local count = counters.accept_failures
        if count > (failure_counts[name] or 0) and not is_failing[name] then
            is_failing[name] = true
            log.error(("%s: connections cannot be accepted and wait in the kernel: %s"):format(name,
                counters.accept_problem or "for a moment"))
        elseif count == failure_counts[name] and is_failing[name]
            and not counters.accept_problem then
            is_failing[name] = nil
            log.info(name .. ": connections are accepted again", { failures = count })
        end
        failure_counts[name] = count
    end
end

--- No new connections of the servers in `names`; what runs there is answered.
function servers.drain(names)
    for _, name in ipairs(names) do
        if numbers[name] then
            host.drain_server(numbers[name])
        end
    end
end

--- Waits until those servers have no connection, or for the deadline.
function servers.await_closed(names, deadline)
    for _, name in ipairs(names) do
        while numbers[name] and host.now() < deadline
            and host.server_counters(numbers[name]).connections > 0 do
            scheduler.wait(host.now() + DRAIN_STEP_S)
        end
    end
end

return servers
