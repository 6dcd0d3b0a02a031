--- What a worker process is told once, when it is up.
local worker_settings = {}

-- See host/rpc/gob_types.h.
local FIRST_TYPE, TYPE_COUNT = 66, 4096

-- Types of replies have numbers that no other process of a worker gives to another type.
local function rpc_settings(supervisor)
    local settings = supervisor.settings
    if not settings.rpc_address then
        return nil
    end
    local own = { first_type = FIRST_TYPE + TYPE_COUNT * supervisor.configured_count }
    supervisor.configured_count = supervisor.configured_count + 1
    for name, value in pairs(settings.rpc) do
        own[name] = value
    end
    return own
end

--- The body of `configure` for `worker`, see perigee.worker.
function worker_settings.compose(supervisor, worker)
    local settings = supervisor.settings
    return {
        slot = worker.slot,
        slice_ms = settings.slice_ms,
        shared_size = settings.shared_size,
        worker_count = settings.worker_count,
        log = settings.log,
        http = settings.http,
        rpc = rpc_settings(supervisor),
        calls = settings.calls,
        tls = supervisor.certificates and supervisor.certificates.options,
        is_rpc_secured = settings.is_rpc_secured,
        is_developing = settings.is_developing,
        slow_wait_s = settings.slow_wait_s,
        load_timeout_s = settings.load_timeout_s,
        stop_timeout_s = settings.stop_timeout_s,
        hand_over_s = settings.hand_over_s,
        drain_s = settings.drain_s,
        websocket_ping_s = settings.websocket_ping_s,
        mesh_addresses = supervisor.mesh_addresses,
    }
end

return worker_settings
