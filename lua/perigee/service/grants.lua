--- What a service may reach outside of its own folder: destinations on the network, folders with
-- files to read, variables of the environment. Without a grant it is none of them.
--
--    grants = {
--        network = { "db.internal:5432", "10.0.0.0/8:443", "127.0.0.1" },
--        read = { "/srv/pictures" },
--        environment = { "DB_URL" },
--    }
local nearest = require "perigee.service.nearest"
local network_grant = require "perigee.core.network_grant"

local grants = {}

local function check_folder(text)
    return text:find("^/[^\n]*[^/\n]$") ~= nil,
        "the whole path of a folder, such as \"/srv/pictures\""
end

local function check_variable(text)
    return text:find("^[%a_][%w_]*$") ~= nil, "the name of a variable"
end

local function check_destination(text)
    return network_grant.parse(text) ~= nil,
        "HOST, HOST:PORT, ADDRESS/BITS, ADDRESS/BITS:PORT, unix:PATH or \"*\""
end

local CHECKS = { network = check_destination, read = check_folder, environment = check_variable }
local KINDS = { "environment", "network", "read" }

-- "grants.network[2] must be …".
local function check_list(kind, list)
    if type(list) ~= "table" then
        return nil, ("grants.%s must be a list of texts, got %s"):format(kind, tostring(list))
    end
    for i, text in ipairs(list) do
        local is_fit, expected = false, "a text"
        if type(text) == "string" then
            is_fit, expected = CHECKS[kind](text)
        end
        if not is_fit then
            return nil, ("grants.%s[%d] must be %s, got %s"):format(kind, i, expected,
                tostring(text))
        end
    end
    return true
end

--- Whether `given` is a table of grants. Returns true, or nil and a message that begins with
-- `grants`.
function grants.check(given)
    for kind, list in pairs(given) do
        if not CHECKS[kind] then
            local hint = nearest(tostring(kind), KINDS)
            return nil, ("grants.%s is not a grant%s"):format(tostring(kind),
                hint and (": did you mean grants.%s?"):format(hint)
                    or "; there are " .. table.concat(KINDS, ", "))
        end
        local is_fit, problem = check_list(kind, list)
        if not is_fit then
            return nil, problem
        end
    end
    return true
end

--- What two tables of grants give together.
function grants.join(a, b)
    local joined = {}
    for _, kind in ipairs(KINDS) do
        joined[kind] = {}
        for _, given in ipairs({ a, b }) do
            for _, text in ipairs(given[kind] or {}) do
                table.insert(joined[kind], text)
            end
        end
    end
    return joined
end

--- Adds their values to the names of variables: { names =, values = by name }.
-- @param getenv os.getenv
function grants.look_up(names, getenv)
    local values = {}
    for _, name in ipairs(names) do
        values[name] = getenv(name)
    end
    return { names = names, values = values }
end

return grants
