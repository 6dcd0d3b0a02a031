--- What an operator says about single services in the configuration file:
--
--    services = {
--        orders = { limits = { memory = "256MB" }, grants = { network = { "db:5432" } } },
--        ["*"] = { ... },    -- of all that are not named
--    }
local grants = require "perigee.service.grants"
local limits = require "perigee.service.limits"
local nearest = require "perigee.service.nearest"

local policy = {}

local CHECKS = { grants = grants.check, limits = limits.check }
local KEYS = { "grants", "limits" }

--- The name under which stands what holds for services that are not named.
policy.OTHERS = "*"

local function check_one(name, given)
    if type(given) ~= "table" then
        return nil, ("services.%s must be a table, got %s"):format(name, tostring(given))
    end
    for key, value in pairs(given) do
        local check = CHECKS[key]
        if not check then
            local hint = nearest(tostring(key), KEYS)
            return nil, ("services.%s has an unknown key '%s'%s"):format(name, tostring(key),
                hint and (": did you mean '%s'?"):format(hint) or "; known are grants and limits")
        elseif type(value) ~= "table" then
            return nil, ("services.%s.%s must be a table, got %s"):format(name, key,
                tostring(value))
        end
        local is_fit, problem = check(value)
        if not is_fit then
            return nil, ("services.%s.%s"):format(name, problem)
        end
    end
    return true
end

--- Checks the table `services` of a configuration file. Returns true, or nil and a message.
function policy.check(services)
    if type(services) ~= "table" then
        return nil, ("services must be a table of services by name, got %s"):format(
            tostring(services))
    end
    for name, given in pairs(services) do
        local is_fit, problem = check_one(tostring(name), given)
        if not is_fit then
            return nil, problem
        end
    end
    return true
end

--- What holds for one service, { limits =, grants = { network =, read =, environment = { names =,
-- values = } } }.
-- @param policies { services = a table that was checked, grants = what every service has }
function policy.of(policies, name)
    local given = policies.services[name] or policies.services[policy.OTHERS] or {}
    local granted = grants.join(policies.grants, given.grants or {})
    granted.environment = grants.look_up(granted.environment, os.getenv)
    return { limits = given.limits or {}, grants = granted }
end

return policy
