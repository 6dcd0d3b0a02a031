--- The table a service returns: what it may hold, and what is wrong with one that holds something
-- else.
local limits = require "perigee.service.limits"
local nearest = require "perigee.service.nearest"

local definition = {}

local KEYS = {
    http = "a router or a function",
    mount = "a path such as \"/orders\"",
    rpc = "a table of services",
    start = "a function",
    stop = "a function",
    save = "a function",
    resume = "a function",
    health = "a function",
    replicas = "1 or \"worker\"",
    limits = "a table",
    version = "a string such as \"1.2\"",
    metadata = "a table of strings by name",
    log_level = "debug, info, warn or error",
}
local KEY_NAMES = {}
for name in pairs(KEYS) do
    KEY_NAMES[#KEY_NAMES + 1] = name
end
table.sort(KEY_NAMES)

local function is_function(value)
    return type(value) == "function"
end

local function is_mount(value)
    return type(value) == "string" and value:find("^/") and not value:find("[%s?#%%]")
        and (value == "/" or not value:find("/$")) and not value:find("//", 1, true)
end

local function is_router(value)
    return type(value) == "table" and value.kind == "router"
end

local function is_metadata(value)
    for key, item in pairs(type(value) == "table" and value or { false }) do
        if type(key) ~= "string" or type(item) ~= "string" then
            return false
        end
    end
    return true
end

local LOG_LEVELS = { debug = true, info = true, warn = true, error = true }

local CHECKS = {
    http = function(value) return is_function(value) or is_router(value) end,
    mount = is_mount,
    rpc = function(value) return type(value) == "table" end,
    start = is_function, stop = is_function, save = is_function, resume = is_function,
    health = is_function,
    replicas = function(value) return value == 1 or value == "worker" end,
    limits = function(value) return type(value) == "table" end,
    version = function(value) return type(value) == "string" end,
    metadata = is_metadata,
    log_level = function(value) return LOG_LEVELS[value] ~= nil end,
}

local function describe(value)
    if type(value) == "string" then
        return ("%q"):format(value)
    elseif type(value) == "number" or type(value) == "boolean" then
        return tostring(value)
    end
    return "a " .. type(value)
end

local function check_key(key)
    if KEYS[key] then
        return true
    end
    local hint = nearest(tostring(key), KEY_NAMES)
    return nil, ("the service's table has an unknown key '%s'%s"):format(tostring(key),
        hint and (": did you mean '%s'?"):format(hint)
            or "; known are " .. table.concat(KEY_NAMES, ", "))
end

-- JSON-RPC 2.0 keeps names that begin with "rpc." for the protocol: rpc.describe is the host's.
local RESERVED = "rpc"

-- A declaration that was not given to rpc.method would be no method, and nobody be told.
local function check_methods(service, methods)
    for name, value in next, methods do
        if type(value) == "table" and not getmetatable(value)
            and type(rawget(value, "fn")) == "function" then
            return nil, ("rpc.%s.%s is a plain table: declare it with rpc.method { ... }"):format(
                tostring(service), tostring(name)), name
        end
    end
    return true
end

local function check_rpc(services)
    for name, methods in pairs(services) do
        if name == RESERVED then
            return nil, "rpc.rpc: the name \"rpc\" is kept for the host itself; give the service "
                .. "another", name
        elseif type(methods) ~= "table" then
            return nil, ("rpc.%s must be a table of functions, got %s"):format(tostring(name),
                describe(methods)), name
        end
        local is_ok, message, key = check_methods(name, methods)
        if not is_ok then
            return nil, message, key
        end
    end
    return true
end

--- Checks what a script returned. Returns true; or nil, a message, and the key that it is about if
-- there is one.
function definition.check(value)
    if type(value) ~= "table" then
        return nil, ("a service must return a table such as { http = app }, this one returned %s")
            :format(value == nil and "nothing" or describe(value))
    end
    for key, item in pairs(value) do
        local is_ok, message = check_key(key)
        if not is_ok then
            return nil, message, key
        elseif not CHECKS[key](item) then
            return nil, ("%s must be %s, got %s"):format(key, KEYS[key], describe(item)), key
        end
    end
    local is_ok, message, name = check_rpc(rawget(value, "rpc") or {})
    if not is_ok then
        return nil, message, name
    end
    return limits.check(rawget(value, "limits") or {})
end

local function without_metatable(value)
    local plain = {}
    for key, item in next, value do
        plain[key] = item
    end
    return plain
end

--- The service as it was checked, key by key: what a metatable would add was not.
function definition.plain(service)
    local plain = without_metatable(service)
    plain.limits = plain.limits and without_metatable(plain.limits)
    return plain
end

return definition
