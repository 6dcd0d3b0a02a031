--- What the processes of the host may do: the user they run as, and what the kernel keeps workers
-- to.
local host = require "host"
local log = require "perigee.log"

local privileges = {}

local REASONS = {
    not_found = "there is no such user or group",
    invalid = "it must be NAME or NAME:GROUP",
    denied = "only root may become another user",
}

--- Becomes this user, NAME or NAME:GROUP, and with it all that is started from now on. Without one
-- root is warned of. Returns true, or nil and a message.
function privileges.drop(user)
    if not user then
        if host.is_root() then
            log.warn("running as root: --user NAME gives its rights up once the ports are open")
        end
        return true
    end
    local is_done, code = host.become_user(user)
    if not is_done then
        return nil, ("--user %s: %s"):format(user, REASONS[code] or code)
    end
    return true
end

--- What a worker is to be confined to, for host.confine: { readable =, writable = }, folders; nil
-- when it is not.
-- @param settings those of perigee.supervisor
function privileges.confinement(settings)
    if not settings.is_confined then
        return nil
    end
    -- The second is there for who works on Perigee itself: its own modules, when they are files.
    local readable = { settings.directory, os.getenv("PERIGEE_LUA_PATH") }
    for _, folder in ipairs(settings.policies.grants.read) do
        readable[#readable + 1] = folder
    end
    for _, given in pairs(settings.policies.services) do
        for _, folder in ipairs(given.grants and given.grants.read or {}) do
            readable[#readable + 1] = folder
        end
    end
    local log_file = settings.worker.service.log.file
    return { readable = readable,
        writable = log_file and { log_file:match("^(.*)/[^/]*$") or "." } or {} }
end

--- True, or nil and why workers cannot be confined here.
function privileges.check_confinement()
    local can, code = host.can_confine()
    if not can then
        return nil, ("--confine needs landlock and seccomp, which this kernel does not offer (%s): "
            .. "Linux 5.13 or later has them, unless they are switched off"):format(code)
    end
    return true
end

return privileges
