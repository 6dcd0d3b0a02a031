--- Where a registry is, as a flag or a script names it:
--
--    embedded
--    etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/PREFIX]
--    consul://[TOKEN@]HOST:PORT
--
-- etcd+https:// and consul+https:// are the same in TLS.
local location = {}

local DEFAULT_PREFIX = "/perigee/"

local function split_addresses(text)
    local addresses = {}
    for address in (text .. ","):gmatch("([^,]*),") do
        local port = tonumber(address:match("^[^%s:/@]+:(%d+)$")
            or address:match("^%[[%x:.]+%]:(%d+)$"))
        if not port or port < 1 or port > 65535 then
            return nil, ("'%s' is not HOST:PORT"):format(address)
        end
        addresses[#addresses + 1] = address
    end
    return addresses
end

local function parse_etcd(rest)
    local hosts, path = rest:match("^([^/]*)(.*)$")
    local login, list = hosts:match("^(.*)@([^@]*)$")
    local user, password
    if login then
        user, password = login:match("^([^:]+):(.*)$")
        if not user then
            return nil, "what stands before @ must be USER:PASSWORD"
        end
    end
    local addresses, problem = split_addresses(list or hosts)
    if not addresses then
        return nil, problem
    end
    return { kind = "etcd", addresses = addresses, user = user, password = password,
        prefix = (path == "" or path == "/") and DEFAULT_PREFIX or (path:gsub("/?$", "/")) }
end

local function parse_consul(rest)
    local token, host = rest:match("^([^@]*)@(.*)$")
    local addresses, problem = split_addresses((host or rest):gsub("/$", ""))
    if not addresses then
        return nil, problem
    elseif #addresses > 1 then
        return nil, "registration belongs to one agent, so there is one address"
    end
    return { kind = "consul", addresses = addresses, token = token }
end

local PARSERS = { etcd = parse_etcd, consul = parse_consul }

--- Reads a location.
-- @return { kind =, addresses =, is_tls = true or nil, ... }; or nil and what is wrong.
function location.parse(text)
    if text == "embedded" then
        return { kind = "embedded" }
    end
    local scheme, rest = text:match("^([%a+]+)://(.+)$")
    local kind, security = (scheme or ""):match("^(%a+)(.*)$")
    local parse = PARSERS[kind]
    if not parse or security ~= "" and security ~= "+https" then
        return nil, ("'%s' is no registry: embedded, etcd://HOST:PORT,... or consul://HOST:PORT")
            :format(text)
    end
    local parsed, problem = parse(rest)
    if not parsed then
        return nil, ("%s:// is followed by %s: %s"):format(scheme, kind == "etcd"
            and "HOST:PORT,..., and perhaps /PREFIX" or "HOST:PORT", problem)
    end
    parsed.is_tls = security ~= "" or nil
    return parsed
end

return location
