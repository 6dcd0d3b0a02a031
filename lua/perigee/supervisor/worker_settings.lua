--- What a worker process is told once, when it is up.
local privileges = require "perigee.supervisor.privileges"

local worker_settings = {}

-- See host/rpc/gob_types.h.
local FIRST_TYPE, TYPE_COUNT = 66, 4096

--- The body of `configure` for `worker`: what all are told, and what is its own.
function worker_settings.compose(supervisor, worker)
    local settings = { slot = worker.slot, mesh_addresses = supervisor.mesh_addresses }
    settings.confinement = privileges.confinement(supervisor.settings)
    settings.tls = supervisor.certificates and supervisor.certificates.options
    for name, value in pairs(supervisor.settings.worker) do
        settings[name] = value
    end
    -- Types of replies have numbers that no other process of a worker gives to another type.
    settings.first_type = FIRST_TYPE + TYPE_COUNT * supervisor.configured_count
    supervisor.configured_count = supervisor.configured_count + 1
    return settings
end

return worker_settings
