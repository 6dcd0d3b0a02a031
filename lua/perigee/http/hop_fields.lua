--- The fields that tell the next hop how long its caller waits, and whether it tries again
-- (host/base/hop.h reads them).
local timeout_text = require "perigee.resilience.timeout_text"

local hop_fields = {}

--- Adds to fields { name, value, ... } those that a request has.
-- @param wait_s how long its caller waits, or nil
-- @param previous how many attempts there were before
function hop_fields.add(fields, wait_s, previous)
    if wait_s then
        fields[#fields + 1] = "Perigee-Timeout"
        fields[#fields + 1] = timeout_text.format(wait_s)
    end
    if previous > 0 then
        fields[#fields + 1] = "Perigee-Previous-Attempts"
        fields[#fields + 1] = tostring(previous)
    end
end

return hop_fields
