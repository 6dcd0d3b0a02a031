--- Where an InfluxDB is, as --influx names it:
--
--    http://HOST:PORT?db=NAME[&rp=POLICY][&u=USER&p=PASSWORD]     version 1
--    http://HOST:PORT?org=NAME&bucket=NAME&token=TOKEN            version 2
--
-- With either: &host=NAME, the tag that tells this host from others.
local nearest = require "perigee.service.nearest"
local url = require "perigee.http.url"

local location = {}

local KNOWN = { "db", "rp", "u", "p", "org", "bucket", "token", "host" }
local PRECISION = "ms"

local function check_names(values)
    local known = {}
    for _, name in ipairs(KNOWN) do
        known[name] = true
    end
    for name in pairs(values) do
        if not known[name] then
            local hint = nearest(name, KNOWN)
            return ("there is no %s=%s"):format(name, hint and (": did you mean %s=?"):format(hint)
                or ", only " .. table.concat(KNOWN, ", "))
        end
    end
end

local function version_1(values)
    return { target = "/write?" .. url.encode_query({ db = values.db, rp = values.rp, u = values.u,
        p = values.p, precision = PRECISION }) }
end

local function version_2(values)
    if not values.org or not values.bucket or not values.token then
        return nil, "version 2 takes org=, bucket= and token=; version 1 takes db="
    end
    return { token = values.token, target = "/api/v2/write?" .. url.encode_query({
        org = values.org, bucket = values.bucket, precision = PRECISION }) }
end

local function parse_values(query)
    local values = url.parse_first_values(query)
    if not values then
        return nil, "what stands behind ? is no query"
    end
    local problem = check_names(values)
    if problem then
        return nil, problem
    elseif values.db and (values.org or values.bucket or values.token) then
        return nil, "db= is of version 1; org=, bucket= and token= are of version 2"
    end
    return values
end

--- Returns { address=, target=, token= or nil, host= or nil }; or nil and what is wrong with
-- `text`.
function location.parse(text)
    local address, query = text:match("^http://([^/?#]+)/?%??([^#]*)$")
    local port = address and tonumber(address:match("^[^%s@]+:(%d+)$"))
    if not port or port < 1 or port > 65535 then
        return nil, ("'%s' is not http://HOST:PORT?db=NAME"):format((text:gsub("%?.*", "")))
    end
    local values, problem = parse_values(query)
    if not values then
        return nil, problem
    end
    local parsed
    parsed, problem = (values.db and version_1 or version_2)(values)
    if not parsed then
        return nil, problem
    end
    parsed.address, parsed.host = address, values.host
    return parsed
end

return location
