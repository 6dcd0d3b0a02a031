--- What a destination is opened with, and what one of its calls may ask for instead: checked, and
-- filled up with the defaults. Times are seconds.
local balancer = require "perigee.balancer"

local settings = {
    --- The policies that need a key with every call.
    PICKS_BY_KEY = { consistent_hash = true, maglev = true },
}

local function number(value)
    return type(value) ~= "number" and "a number" or nil
end

local function above_zero(value)
    return not (type(value) == "number" and value > 0 and value < math.huge)
        and "a number above 0" or nil
end

local function count_from(least)
    return function(value)
        local is_fine = type(value) == "number" and value % 1 == 0 and value >= least
            and value <= 1000000
        return not is_fine and ("a whole number from %d"):format(least) or nil
    end
end

local function quantile(value)
    return not (type(value) == "number" and value > 0 and value < 1)
        and "a number between 0 and 1" or nil
end

local function text(value)
    return type(value) ~= "string" and "a string" or nil
end

local function path(value)
    local is_fine = type(value) == "string" and value:find("^/[!-~]*$")
    return not is_fine and "a path such as /healthz" or nil
end

local function boolean(value)
    return type(value) ~= "boolean" and "true or false" or nil
end

-- The parts of a destination, each with its settings and what they must be.
local PARTS = {
    breaker = { factor = above_zero, window_s = above_zero },
    budget = { most = above_zero, gain = above_zero },
    bulkhead = { calls = count_from(1), queued = count_from(0) },
    ejection = { failures = count_from(1), sweep_s = above_zero, least_requests = count_from(1),
        least_members = count_from(1), deviations = number, base_s = above_zero,
        most_s = above_zero, share = number, unreachable_s = above_zero },
    health = { path = path, port = count_from(1), tcp = boolean, every_s = above_zero,
        timeout_s = above_zero, up = count_from(1), down = count_from(1) },
    hedge = { after_s = above_zero, quantile = quantile },
    retries = { attempts = count_from(1) },
}

-- What a part is when it is asked for and does not say; and whether it is there unless it is set
-- to false.
local DEFAULTS = {
    breaker = { factor = 1.5, window_s = 10 },
    budget = { most = 10, gain = 0.1 },
    bulkhead = { calls = 1000, queued = 1000 },
    ejection = {},
    health = { every_s = 10, timeout_s = 2, up = 2, down = 3 },
    hedge = { quantile = 0.95 },
    retries = { attempts = 3 },
}
local IS_ON = { breaker = true, budget = true, bulkhead = true, ejection = true }

-- Names of methods, which stand for calls that say nothing themselves (is_idempotent).
local function list_of_text(value)
    for key, item in pairs(type(value) == "table" and value or { false }) do
        if type(key) ~= "number" or type(item) ~= "string" then
            return "a list of names of methods"
        end
    end
end

local PLAIN = { idempotent = list_of_text, policy = text, zone = text, slow_start_s = number,
    timeout_s = above_zero }

-- Of the parts, what one call may ask for.
local OF_A_CALL = { breaker = true, hedge = true, retries = true }

local function names_of(...)
    local names = {}
    for _, list in ipairs { ... } do
        for name in pairs(list) do
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return table.concat(names, ", ")
end

local function part_problem(name, given)
    if type(given) ~= "table" then
        return type(given) ~= "boolean"
            and ("%s must be a table of settings, true or false, got %s"):format(name,
                tostring(given)) or nil
    end
    for key, value in pairs(given) do
        local check = PARTS[name][key]
        if not check then
            return ("%s has no setting '%s'; there are %s"):format(name, tostring(key),
                names_of(PARTS[name]))
        end
        local wanted = check(value)
        if wanted then
            return ("%s.%s must be %s, got %s"):format(name, key, wanted, tostring(value))
        end
    end
end

local function health_problem(health)
    if type(health) == "table" and (health.path == nil) == not health.tcp then
        return "health needs a path for requests of HTTP, or tcp = true"
    elseif health == true then
        return "health must say what is asked: { path = \"/healthz\" } or { tcp = true }"
    end
end

local function fill(name, given)
    if given == nil then
        given = IS_ON[name] or false
    end
    if not given then
        return false
    end
    local filled = {}
    for key, value in pairs(DEFAULTS[name]) do
        filled[key] = value
    end
    for key, value in pairs(given == true and {} or given) do
        filled[key] = value
    end
    return filled
end

local function set_of(list)
    local set = {}
    for _, item in ipairs(list) do
        set[item] = true
    end
    return set
end

local function option_problem(name, value)
    if PARTS[name] then
        return part_problem(name, value)
    elseif PLAIN[name] then
        local wanted = PLAIN[name](value)
        return wanted and ("%s must be %s, got %s"):format(name, wanted, tostring(value))
    end
    return ("there is no option '%s'; there are %s"):format(tostring(name),
        names_of(PARTS, PLAIN))
end

local function problem_of(options)
    if type(options) ~= "table" then
        return "the options are a table, got " .. type(options)
    end
    for name, value in pairs(options) do
        local problem = option_problem(name, value)
        if problem then
            return problem
        end
    end
    return health_problem(options.health)
        or options.policy and balancer.policy_problem(options.policy) or nil
end

--- Checks the options of a destination (docs/resilience.md).
-- @return all settings, false for a part that is off; or nil and what is wrong
function settings.of_destination(options)
    local problem = problem_of(options)
    if problem then
        return nil, problem
    end
    local filled = {}
    for name in pairs(PARTS) do
        filled[name] = fill(name, options[name])
    end
    for name in pairs(PLAIN) do
        filled[name] = options[name]
    end
    filled.idempotent = set_of(options.idempotent or {})
    return filled
end

-- What was given -> what was made of it: whoever calls in a loop gives the same table again.
local filled_parts = setmetatable({}, { __mode = "k" })

--- What one call asks for in place of the destination's part of that name: a table, true or false.
-- A table is looked at when it is first used. Errors name the line at `level`, 1 being the caller.
-- @return the part, or false when it is off
function settings.of_call(name, given, level)
    if given == nil or given == false then
        return false
    end
    local filled = filled_parts[given]
    if filled then
        return filled
    end
    local problem = not OF_A_CALL[name] and name .. " is no option of a call"
        or part_problem(name, given)
    if problem then
        error("destination:call: " .. problem, level + 1)
    end
    filled = fill(name, given)
    if given ~= true then
        filled_parts[given] = filled
    end
    return filled
end

return settings
