--- What http.client and its requests are given, checked: mistakes are told before anything is sent.
local globals = require "perigee.core.globals"
local headers = require "perigee.http.headers"
local lazy = require "perigee.core.lazy"
local option_check = require "perigee.core.option_check"
local outgoing_body = require "perigee.http.client.outgoing_body"
local proxy_rules = require "perigee.http.client.proxy_rules"
local time_limits = require "perigee.http.client.time_limits"

local tls_client = lazy "perigee.core.tls_client"

local settings = {}

local MAX_TIMEOUT_S = 24 * 3600

local DEFAULTS = {
    max_redirects = 10,
    max_head = 64 * 1024,
    max_body = 4 * 1024 * 1024, -- of a body that is gathered, when it is decoded
    max_connections = 32,       -- at once to one host
    max_idle = 32,              -- kept to one host
    max_hosts = 100,            -- that connections are kept to
    idle_s = 30,                -- less than servers wait, so that it is mostly the client that ends
    gzip = true,
}

local function number(least, most, is_integer)
    return function(value)
        local is_fine = type(value) == "number" and value >= least and value <= most
            and (not is_integer or value % 1 == 0)
        return not is_fine and ("%s from %g to %.0f"):format(
            is_integer and "an integer" or "a number", least, most) or nil
    end
end

local function of_type(wanted)
    return function(value)
        return type(value) ~= wanted and "a " .. wanted or nil
    end
end

local function anything()
    return nil
end

local seconds = number(0.001, MAX_TIMEOUT_S, false)
local count = number(1, 2 ^ 31, true)
local size = number(1, 2 ^ 53, true)

-- Option → a function that says what it must be, or nil.
local COMMON = {
    max_redirects = number(0, 1000, true), max_head = size, max_body = size,
    gzip = of_type "boolean", headers = of_type "table",
}
for _, name in ipairs(time_limits.NAMES) do
    COMMON[name] = seconds
end

local CLIENT = { max_connections = count, max_idle = number(0, 2 ^ 31, true), max_hosts = count,
    idle_s = number(0, MAX_TIMEOUT_S, false), proxy = anything, tls = anything,
    cookies = of_type "boolean" }

local CALL = { method = of_type "string", url = of_type "string", query = of_type "table",
    body = anything, json = anything, form = anything, content_length = anything,
    stream = of_type "boolean", destination = anything }

for name, rule in pairs(COMMON) do
    CLIENT[name], CALL[name] = rule, rule
end

local function add_field(list, name, value)
    for _, one in ipairs(type(value) == "table" and value or { value }) do
        local problem = headers.problem(name, one)
        if problem then
            return problem
        end
        list:add(name, one)
    end
    return nil
end

local function sorted_names(given)
    local names = {}
    for name in pairs(given) do
        if type(name) ~= "string" then
            return nil, ("the name of a header must be a string, got %s"):format(type(name))
        end
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

local function read_flat(given)
    local list = headers.new()
    for i = 1, #given, 2 do
        local problem = add_field(list, given[i], given[i + 1])
        if problem then
            return nil, problem
        end
    end
    return list
end

--- Reads header fields as scripts give them: { Name = value or an array of values }, or a Headers
-- or another flat array { name, value, ... }.
-- @return Headers; or nil and what is wrong
function settings.read_headers(given)
    if given[1] ~= nil then
        return read_flat(given)
    end
    local names, problem = sorted_names(given)
    if not names then
        return nil, problem
    end
    local list = headers.new()
    for _, name in ipairs(names) do
        problem = add_field(list, name, given[name])
        if problem then
            return nil, problem
        end
    end
    return list
end

-- The script's own getenv is asked: a service has no variable without a grant, and asking for one
-- without is an error. Only when it may have none of them is that told.
local function proxies_of_environment()
    local is_any, refusal = false, nil
    local rules, problem = proxy_rules.of_environment(function(name)
        local is_granted, value = pcall(globals.os.getenv, name)
        is_any = is_any or is_granted
        refusal = refusal or not is_granted and value
        return is_granted and value or nil
    end)
    if not is_any then
        return nil, refusal
    end
    return rules, problem
end

local PROXY_OPTIONS = { http = of_type "string", https = of_type "string",
    no_proxy = of_type "string" }

local function read_proxy(proxy)
    if proxy == "environment" then
        return proxies_of_environment()
    elseif type(proxy) == "string" then
        proxy = { http = proxy, https = proxy }
    end
    local problem = option_check.problem(proxy, PROXY_OPTIONS)
    if problem then
        return nil, "proxy: " .. problem
    end
    return proxy_rules.new(proxy)
end

local function with_defaults(options)
    local all = {}
    for name, value in pairs(DEFAULTS) do
        all[name] = value
    end
    for name, value in pairs(options) do
        all[name] = value
    end
    return all
end

--- Checks the options of a client.
-- @return settings, with all defaults; or nil and what is wrong
function settings.of_client(options)
    local problem = option_check.problem(options, CLIENT)
        or options.tls ~= nil and tls_client.problem(options.tls) or nil
    if problem then
        return nil, problem
    end
    local checked = with_defaults(options)
    checked.headers, problem = settings.read_headers(options.headers or {})
    if checked.headers and options.proxy then
        checked.proxy, problem = read_proxy(options.proxy)
    end
    if problem then
        return nil, problem
    end
    return checked
end

--- Says what is wrong with the options of a request; nil when nothing is.
function settings.call_problem(options)
    return option_check.problem(options, CALL) or outgoing_body.problem(options)
end

return settings
