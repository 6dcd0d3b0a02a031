--- How many events a service may log in a second. What is beyond is left out, and told of by the
-- next event that is not.
local host = require "host"
local quotas = require "perigee.core.quotas"

local log_allowance = {}

local second, used, left_out = 0, 0, 0

--- Whether there is room for one more event. `emit(level, name, message, fields)` writes without
-- asking.
function log_allowance.take(name, emit)
    local allowed = quotas.log_lines
    if not allowed then
        return true
    end
    local now = math.floor(host.now())
    if now ~= second then
        second, used = now, 0
        if left_out > 0 then
            emit("warn", name, ("%d events were left out: limits.log_lines grants %d a second")
                :format(left_out, allowed))
            left_out = 0
        end
    end
    if used >= allowed then
        left_out = left_out + 1
        quotas.count("log_lines")
        return false
    end
    used = used + 1
    return true
end

return log_allowance
