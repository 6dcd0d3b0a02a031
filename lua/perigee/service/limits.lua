--- The limits of one service in one worker: what a script may set in `limits`, and an operator for
-- it in the configuration file. Where both say something, the tighter one holds.
local nearest = require "perigee.service.nearest"

local limits = {}

local MAX_SIZE = 2 ^ 52
local MAX_COUNT = 1e9
local SIZE_UNITS = { [""] = 1, KB = 1024, MB = 1024 ^ 2, GB = 1024 ^ 3 }

--- "64MB" as bytes; a number is bytes already. Nil when it is neither.
function limits.parse_size(value)
    local size = type(value) == "number" and value
    if not size then
        local number, unit = tostring(value):match("^(%d+)%s*(%a*)$")
        size = number and SIZE_UNITS[unit] and tonumber(number) * SIZE_UNITS[unit]
    end
    return size and size > 0 and size <= MAX_SIZE and size or nil
end

-- Each returns the value as a number, or nil. NaN is none of them: no timer can be set to it.
local KINDS = {
    size = { parse = limits.parse_size, expected = "a size such as \"64MB\"" },
    duration = { expected = "seconds", parse = function(value)
        return type(value) == "number" and value >= 0 and value or nil
    end },
    budget = { expected = "seconds from 0.02", parse = function(value)
        return type(value) == "number" and value >= 0.02 and value <= MAX_COUNT and value or nil
    end },
    count = { expected = "a whole number from 0", parse = function(value)
        return type(value) == "number" and value >= 0 and value <= MAX_COUNT and value % 1 == 0
            and value or nil
    end },
    rate = { expected = "a number a second, above 0", parse = function(value)
        return type(value) == "number" and value > 0 and value <= MAX_COUNT and value or nil
    end },
}

-- docs/limits.md describes each; a spec compares.
local KIND_OF = {
    memory = "size", body = "size", drain = "duration", cpu_s = "budget",
    rate = "rate", burst = "count", concurrency = "count", queue = "count",
    tasks = "count", timers = "count", messages = "count", connections = "count",
    websockets = "count", log_lines = "count",
}

local NAMES = {}
for name in pairs(KIND_OF) do
    NAMES[#NAMES + 1] = name
end
table.sort(NAMES)

--- The names of all limits, in order.
limits.NAMES = NAMES

local function describe(value)
    return type(value) == "table" and "a table" or tostring(value)
end

--- Whether `given` is a table of limits. Returns true; or nil, a message that begins with `limits`,
-- and the key that it is about.
function limits.check(given)
    for name, value in pairs(given) do
        local kind = KINDS[KIND_OF[name]]
        if not kind then
            local hint = nearest(tostring(name), NAMES)
            return nil, ("limits.%s is not a limit%s"):format(tostring(name),
                hint and (": did you mean limits.%s?"):format(hint)
                    or "; there are " .. table.concat(NAMES, ", ")), name
        elseif not kind.parse(value) then
            return nil, ("limits.%s must be %s, got %s"):format(name, kind.expected,
                describe(value)), name
        end
    end
    return true
end

--- What holds for a service that has set `own` when its operator has set `caps`: numbers by name.
-- Both were checked.
function limits.effective(own, caps)
    local result = {}
    for _, given in ipairs({ own, caps }) do
        for name, value in pairs(given) do
            local number = KINDS[KIND_OF[name]].parse(value)
            result[name] = math.min(number, result[name] or number)
        end
    end
    return result
end

return limits
