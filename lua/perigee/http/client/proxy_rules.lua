--- Through which proxy a URL is asked for, by the rules of Go's httpproxy: a proxy for each scheme,
-- and a list of hosts that are asked directly. Pure.
local uri = require "perigee.http.uri"

local proxy_rules = {}

local methods = {}
local metatable = { __index = methods }

local MAX_LIST_SIZE = 16 * 1024

-- The bits of an address of version 4 as a number; nil for anything else.
local function number_of(text)
    local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
    a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
    if not a or a > 255 or b > 255 or c > 255 or d > 255 then
        return nil
    end
    return ((a * 256 + b) * 256 + c) * 256 + d
end

local function parse_range(text)
    local base, bits = text:match("^([%d.]+)/(%d+)$")
    local number, size = base and number_of(base), tonumber(bits)
    if not number or size > 32 then
        return nil
    end
    local width = 2 ^ (32 - size)
    return { first = number - number % width, width = width }
end

-- "a.test" is that and all below it, ".a.test" all below it; "a.test:80" that at this port.
local function parse_name(text)
    local name, port = text:match("^(.-):(%d+)$")
    if not name or name:find(":", 1, true) then
        name, port = text, nil
    end
    name = name:gsub("^%[(.*)%]$", "%1"):gsub("^%*%.", ".")
    return { name = name, port = tonumber(port) }
end

local function parse_list(text)
    local rules = {}
    for word in text:lower():gmatch("[^,%s]+") do
        rules[#rules + 1] = word == "*" and { is_all = true } or parse_range(word)
            or parse_name(word)
    end
    return rules
end

local function parse_proxy(text)
    local url, problem = uri.parse(text:find("://", 1, true) and text or "http://" .. text)
    if not url then
        return nil, problem
    elseif url.scheme ~= "http" then
        return nil, ("a proxy is asked by http://, not by %s://"):format(url.scheme)
    end
    return url
end

--- Makes rules of { http = URL of the proxy, https = the same, no_proxy = "a.test,10.0.0.0/8" }.
-- @return them; or nil and what is wrong
function proxy_rules.new(options)
    local self = setmetatable({ direct = {} }, metatable)
    for _, scheme in ipairs { "http", "https" } do
        if options[scheme] and options[scheme] ~= "" then
            local url, problem = parse_proxy(options[scheme])
            if not url then
                return nil, ("proxy.%s: %s"):format(scheme, problem)
            end
            self[scheme] = url
        end
    end
    local list = options.no_proxy or ""
    if #list > MAX_LIST_SIZE then
        return nil, ("proxy.no_proxy has at most %d bytes"):format(MAX_LIST_SIZE)
    end
    self.direct = parse_list(list)
    return self
end

local function is_loopback(host, number)
    return host == "localhost" or host == "::1" or host:sub(-10) == ".localhost"
        or number ~= nil and number >= 0x7f000000 and number < 0x80000000
end

local function matches_name(rule, host, port)
    if rule.port and rule.port ~= port then
        return false
    elseif rule.name:sub(1, 1) == "." then
        return host:sub(-#rule.name) == rule.name
    end
    return host == rule.name or not number_of(host)
        and host:sub(-#rule.name - 1) == "." .. rule.name
end

local function matches(rule, host, number, port)
    if rule.is_all then
        return true
    elseif rule.first then
        return number ~= nil and number >= rule.first and number < rule.first + rule.width
    end
    return matches_name(rule, host, port)
end

--- The URL of the proxy for `url`; nil when it is asked directly. This machine always is.
function methods:find(url)
    local host = url.host:gsub("%.$", "")
    local number = number_of(host)
    if is_loopback(host, number) then
        return nil
    end
    local port = url.port or (url.scheme == "https" and 443 or 80)
    for _, rule in ipairs(self.direct) do
        if matches(rule, host, number, port) then
            return nil
        end
    end
    return self[url.scheme]
end

--- The rules of the variables http_proxy, https_proxy and no_proxy, or their names in capitals, as
-- `getenv` gives them.
-- @return them; or nil and what is wrong
function proxy_rules.of_environment(getenv)
    local function find(name)
        local value = getenv(name)
        if value == nil or value == "" then
            value = getenv(name:upper())
        end
        return value
    end
    return proxy_rules.new { http = find "http_proxy", https = find "https_proxy",
        no_proxy = find "no_proxy" }
end

return proxy_rules
