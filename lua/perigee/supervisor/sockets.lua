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

--- Opens those of `settings` (see perigee.cli.serve), for HTTP and RPC one for each worker. Returns
-- { http_fds=, rpc_fds=, admin_fd=, addresses= }, rpc_fds empty without an address for RPC; or nil
-- and a message.
function sockets.open(settings)
    local worker_count = settings.worker.worker_count
    local http_fds, http_address = listen(settings.http_address, worker_count, "--http")
    if not http_fds then
        return nil, http_address
    end
    local rpc_fds, rpc_address = {}, nil
    if settings.rpc_address then
        rpc_fds, rpc_address = listen(settings.rpc_address, worker_count, "--rpc")
        if not rpc_fds then
            return nil, rpc_address
        end
    end
    local admin_fds, admin_address = listen(settings.admin_address, 1, "--admin")
    if not admin_fds then
        return nil, admin_address
    end
    return {
        http_fds = http_fds,
        rpc_fds = rpc_fds,
        admin_fd = admin_fds[1],
        addresses = {
            [settings.tls and "https" or "http"] = http_address,
            rpc = rpc_address,
            is_rpc_secured = rpc_address and settings.worker.is_rpc_secured or nil,
            admin = admin_address,
        },
    }
end

return sockets
