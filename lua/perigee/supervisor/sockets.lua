--- The listening sockets of the host, which its workers inherit.
local host = require "host"

local sockets = {}

local function listen(address, count, flag)
    local descriptors, actual, message = host.listen(address, count)
    if not descriptors then
        local hint = actual == "in_use" and "; another program listens there: stop it, or choose "
            .. "another port with " .. flag or ""
        return nil, ("cannot listen on %s: %s%s"):format(address, message, hint)
    end
    return descriptors, actual
end

-- Whether the sockets this process was given for `name` are what the settings ask for. Those of
-- systemd are listened on whatever the flag says.
local function fits(given, requested)
    return given ~= nil and requested ~= nil
        and (given.requested == nil or given.requested == requested)
end

-- One for each of `count` workers. Where fewer were given, several workers accept on the same.
local function spread(given, count)
    local fds = {}
    for i = 1, math.max(count, #given.fds) do
        fds[i] = given.fds[(i - 1) % #given.fds + 1]
    end
    return fds
end

local function close_all(given)
    for _, fd in ipairs(given and given.fds or {}) do
        host.close_descriptor(fd)
    end
end

-- The sockets that go by `name`: those given, or new ones. { fds=, address=, requested= }, nil when
-- nothing is requested; or nil and a message.
local function open_named(name, requested, count, given)
    if fits(given, requested) then
        return { fds = spread(given, count), address = given.address, requested = requested }
    end
    close_all(given)
    if not requested then
        return nil
    end
    local fds, address = listen(requested, count, "--" .. name)
    if not fds then
        return nil, address
    end
    return { fds = fds, address = address, requested = requested }
end

local function describe(settings, opened)
    local rpc = opened.rpc
    return {
        [settings.tls and "https" or "http"] = opened.http.address,
        rpc = rpc and rpc.address,
        is_rpc_secured = rpc and settings.worker.is_rpc_secured or nil,
        admin = opened.admin.address,
    }
end

--- Opens those of `settings` (see perigee.cli.serve), for HTTP and RPC one for each worker, unless
-- they are among `given` (see perigee.supervisor.inheritance). Returns { sockets = name → { fds=,
-- address=, requested= }, addresses= }, sockets.rpc nil without an address for RPC; or nil and a
-- message.
function sockets.open(settings, given)
    local worker_count = settings.worker.worker_count
    local opened = {}
    for _, one in ipairs({ { "http", settings.http_address, worker_count },
        { "rpc", settings.rpc_address, worker_count }, { "admin", settings.admin_address, 1 } }) do
        local name, requested, count = one[1], one[2] or nil, one[3]
        local problem
        opened[name], problem = open_named(name, requested, count, given[name])
        if problem then
            return nil, problem
        end
    end
    return { sockets = opened, addresses = describe(settings, opened) }
end

return sockets
