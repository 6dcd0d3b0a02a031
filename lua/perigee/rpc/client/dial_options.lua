--- What rpc.dial is given, checked: mistakes are told before anything is sent.
local lazy = require "perigee.core.lazy"
local option_check = require "perigee.core.option_check"

local tls_client = lazy "perigee.core.tls_client"

local dial_options = {}

local CODECS = {
    gob = "perigee.rpc.client.gob_codec",
    json = "perigee.rpc.client.json_codec",
    jsonrpc = "perigee.rpc.client.json1_codec",
    msgpack = "perigee.rpc.client.msgpack_codec",
}

local DEFAULT_CODEC = "msgpack"
local TELLS_DEADLINES = { json = true, msgpack = true }

local GO_RPC_PATH = "/_goRPC_" -- of Go's rpc.HandleHTTP

local function number_from(least)
    return function(value)
        local is_fine = type(value) == "number" and value >= least and value < 2 ^ 31
        return not is_fine and ("a number from %s up"):format(least) or nil
    end
end

local function check_codec(value)
    return not CODECS[value] and "gob, json, jsonrpc or msgpack" or nil
end

local function check_boolean(value)
    return type(value) ~= "boolean" and "true or false" or nil
end

-- perigee.core.tls_client says what is wrong with it.
local function check_nothing()
    return nil
end

local function check_http(value)
    local is_path = type(value) == "string" and value:find("^/[!-~]*$")
    return type(value) ~= "boolean" and not is_path and "true or a path" or nil
end

-- Option → its default and a function that says what it must be, or nil.
local OPTIONS = {
    backoff_s = { 1, number_from(0.001) },
    cancel = { false, check_boolean },
    codec = { DEFAULT_CODEC, check_codec },
    connect_timeout_s = { 5, number_from(0.001) },
    deadlines = { false, check_boolean },
    http = { false, check_http },
    max_backoff_s = { 120, number_from(0.001) },
    max_calls = { 10000, number_from(1) },
    max_message = { 4 * 1024 * 1024, number_from(1) },
    max_unsent = { 4 * 1024 * 1024, number_from(1) },
    timeout_s = { 30, number_from(0) },
    tls = { false, check_nothing },
}

local RULES = {}
for name, option in pairs(OPTIONS) do
    RULES[name] = option[2]
end

-- What goes with one codec and not with others.
local function codec_problem(options, codec)
    if options.deadlines and not TELLS_DEADLINES[codec] then
        return "deadlines is for the codecs json and msgpack: others cannot say them"
    end
    return options.http and codec ~= "gob" and "http is for the codec gob" or nil
end

local function problem_of(options)
    return option_check.problem(options, RULES)
        or options.tls and tls_client.problem(options.tls)
        or codec_problem(options, options.codec or DEFAULT_CODEC)
end

-- The address as perigee.core.stream takes it.
local function place_of(address)
    if type(address) ~= "string" then
        return nil, "the address must be text such as tcp://127.0.0.1:1234, got " .. type(address)
    end
    local scheme, rest = address:match("^(%a+)://(.+)$")
    if (scheme == "tcp" or scheme == "tls") and rest:find(":%d+$") then
        return rest
    elseif scheme == "unix" then
        return "unix:" .. rest
    end
    return nil, ("'%s' is no address; there are tcp://host:port, tls://host:port and unix:///path")
        :format(address)
end

local function with_defaults(options)
    local all = {}
    for name, option in pairs(OPTIONS) do
        all[name] = option[1]
    end
    for name, value in pairs(options) do
        all[name] = value
    end
    return all
end

--- Checks what rpc.dial was given.
-- @return { address = as given, place = the same for perigee.core.stream, module = that makes the
-- codec, ... all options }, where http is a path or false, and tls a table or false; or nil and
-- what is wrong
function dial_options.check(address, options)
    options = options or {}
    local place, problem = place_of(address)
    problem = problem or problem_of(options)
    if problem then
        return nil, problem
    end
    local checked = with_defaults(options)
    checked.address, checked.place, checked.module = address, place, CODECS[checked.codec]
    checked.http = checked.http == true and GO_RPC_PATH or checked.http
    checked.tls = checked.tls or address:find("^tls:") and {} or false
    return checked
end

return dial_options
