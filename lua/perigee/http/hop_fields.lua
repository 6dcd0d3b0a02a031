--- The fields that tell the next hop how long its caller waits, and whether it tries again.
local timeout_text = require "perigee.resilience.timeout_text"

local hop_fields = {}

--- How long the caller waits (perigee.resilience.timeout_text), in small letters, as servers look
-- for it.
hop_fields.TIMEOUT = "perigee-timeout"

--- How many attempts of this request there were before. Absent for the first.
hop_fields.PREVIOUS_ATTEMPTS = "perigee-previous-attempts"

--- Calls add(name, value) for each that a request has.
-- @param wait_s how long its caller waits, or nil
-- @param previous how many attempts there were before
function hop_fields.each(wait_s, previous, add)
    if wait_s then
        add("Perigee-Timeout", timeout_text.format(wait_s))
    end
    if previous > 0 then
        add("Perigee-Previous-Attempts", tostring(previous))
    end
end

return hop_fields
