--- A service that crashes its worker again and again is taken out until its file changes, so that
-- the others can work.
local host = require "host"
local log = require "perigee.log"

local quarantine = {}

-- Crashes that are longer ago are forgotten.
local WINDOW_S = 60

-- How many there were within the window, this one included.
local function count_crash(service)
    local now = host.now()
    local crashes = { now }
    for _, at in ipairs(service.crashes or {}) do
        if now - at < WINDOW_S then
            crashes[#crashes + 1] = at
        end
    end
    service.crashes = crashes
    return #crashes
end

--- A worker is down: worker.culprit, when there is one, is the service that it ran. A generation
-- that is only being loaded is the reload's business.
-- @param supervisor of perigee.supervisor: its catalog, reload and settings.crash_limit, 0 for none
function quarantine.note_crash(supervisor, worker)
    local limit = supervisor.settings.crash_limit
    local service = supervisor.catalog:get(worker.culprit)
    if not service or not service.live or service.candidate or limit == 0 then
        return
    end
    local count = count_crash(service)
    if count < limit then
        return
    end
    service.crashes, service.is_quarantined = nil, true
    worker.backoff_s = 0 -- the others shall not wait for what is gone
    supervisor.reload:take_out(service, ("it has crashed its worker %d times within %d s; it stays "
        .. "out until its file changes, or perigee reload %s"):format(count, WINDOW_S,
        service.name))
    log.event(service.name, "error", "quarantined: " .. service.last_error.message)
end

return quarantine
