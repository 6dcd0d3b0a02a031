--- How long somebody waits, as text on the wire: that of gRPC's grpc-timeout, up to eight digits
-- and a unit. It is relative, because clocks of hosts differ.
local timeout_text = {}

local UNITS = { H = 3600, M = 60, S = 1, m = 1e-3, u = 1e-6, n = 1e-9 }
local MOST = 99999999

-- From fine to coarse: whichever holds it in eight digits.
local ORDER = { "u", "m", "S", "M", "H" }

--- The text for some seconds, rounded down; none above 0 is shown as none.
function timeout_text.format(seconds)
    if seconds <= 0 then
        return "0u"
    end
    for _, unit in ipairs(ORDER) do
        local count = math.floor(seconds / UNITS[unit])
        if count <= MOST then
            return ("%d%s"):format(math.max(1, count), unit)
        end
    end
    return MOST .. "H"
end

--- The seconds that a text says; nil for one that says none.
function timeout_text.parse(text)
    local digits, unit = text:match("^(%d+)([HMSmun])$")
    if not digits or #digits > 8 then
        return nil
    end
    return tonumber(digits) * UNITS[unit]
end

return timeout_text
