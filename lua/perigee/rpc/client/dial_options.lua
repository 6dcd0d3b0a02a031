--- What rpc.dial is given, checked: mistakes are told before anything is sent.
local dial_options = {}

local CODECS = {
    gob = "perigee.rpc.client.gob_codec",
    msgpack = "perigee.rpc.client.msgpack_codec",
}

local GO_RPC_PATH = "/_goRPC_" -- of Go's rpc.HandleHTTP

local DEFAULTS = {
    timeout_s = 30,
    connect_timeout_s = 5,
    backoff_s = 1,
    max_backoff_s = 120,
    max_calls = 10000,
    max_unsent = 4 * 1024 * 1024,
    max_message = 4 * 1024 * 1024,
}

local function number_problem(name, value)
    local least = name == "timeout_s" and 0 or 1e-3
    if type(value) ~= "number" or not (value >= least and value < 2 ^ 31) then
        return ("%s must be a number from %s up, got %s"):format(name, tostring(least),
            tostring(value))
    end
end

local function sorted_names()
    local names = { "codec", "http" }
    for name in pairs(DEFAULTS) do
        names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, ", ")
end

local function option_problem(name, value)
    if name == "codec" then
        return not CODECS[value]
            and ("codec must be gob or msgpack, got %s"):format(tostring(value)) or nil
    elseif name == "http" then
        local is_path = type(value) == "string" and value:find("^/[!-~]*$")
        return type(value) ~= "boolean" and not is_path and "http must be true or a path" or nil
    elseif not DEFAULTS[name] then
        return ("there is no option '%s'; there are %s"):format(tostring(name), sorted_names())
    end
    return number_problem(name, value)
end

local function find_problem(options)
    if type(options) ~= "table" then
        return "options are a table, got " .. type(options)
    end
    for name, value in pairs(options) do
        local problem = option_problem(name, value)
        if problem then
            return problem
        end
    end
    return options.http and options.codec ~= "gob" and "http is for the codec gob" or nil
end

-- The address as perigee.core.stream takes it.
local function place_of(address)
    if type(address) ~= "string" then
        return nil, "the address must be text such as tcp://127.0.0.1:1234, got " .. type(address)
    end
    local scheme, rest = address:match("^(%a+)://(.+)$")
    if scheme == "tcp" and rest:find(":%d+$") then
        return rest
    elseif scheme == "unix" then
        return "unix:" .. rest
    elseif scheme == "tls" then
        return nil, "tls:// is not offered; there are tcp://host:port and unix:///path"
    end
    return nil, ("'%s' is no address; there are tcp://host:port and unix:///path"):format(address)
end

--- Checks what rpc.dial was given.
-- @return { place = address for perigee.core.stream, address = as given, codec = module that makes
-- it, http = path or nil, and the numbers }; or nil and what is wrong
function dial_options.check(address, options)
    options = options or {}
    local place, problem = place_of(address)
    problem = problem or find_problem(options)
    if problem then
        return nil, problem
    end
    local checked = { place = place, address = address, codec = CODECS[options.codec or "msgpack"],
        http = options.http == true and GO_RPC_PATH or options.http or nil }
    for name, default in pairs(DEFAULTS) do
        checked[name] = options[name] or default
    end
    return checked
end

return dial_options
