--- What of a message's fields goes on to the next hop, and what a proxy adds. Pure.
local message_fields = {}

-- Fields that belong to one connection and not to the message (RFC 9110 7.6.1), and those that the
-- host writes itself.
local HOP_BY_HOP = {
    ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true,
    ["transfer-encoding"] = true, ["upgrade"] = true, ["proxy-connection"] = true,
    ["proxy-authenticate"] = true, ["proxy-authorization"] = true,
    ["content-length"] = true, ["date"] = true, ["expect"] = true,
}

-- The names that the Connection field says are this hop's only.
local function named_by_connection(headers)
    local named = {}
    for _, value in ipairs(headers:get_all("connection")) do
        for name in value:gmatch("[^%s,]+") do
            named[name:lower()] = true
        end
    end
    return named
end

--- Calls add(name, value) for each field that goes on.
-- @param headers of perigee.http.headers
function message_fields.pass(headers, add)
    local own = named_by_connection(headers)
    for name, value in headers:each() do
        local lowered = name:lower()
        if not HOP_BY_HOP[lowered] and not own[lowered] then
            add(name, value)
        end
    end
end

-- A list that proxies on the way append to.
local function append(list, value)
    return list and list ~= "" and list .. ", " .. value or value
end

--- The fields of a request as it goes on: { name, value, ... }. Whom it came from is appended to
-- X-Forwarded-For, and X-Forwarded-Proto and -Host are set when nobody before has.
function message_fields.of_request(request)
    local fields = {}
    local function add(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    message_fields.pass(request.headers, function(name, value)
        if name:lower() ~= "x-forwarded-for" then
            add(name, value)
        end
    end)
    add("X-Forwarded-For", append(request:header("x-forwarded-for"), request.remote.host))
    if not request:header("x-forwarded-proto") then
        add("X-Forwarded-Proto", request.scheme)
    end
    if not request:header("x-forwarded-host") and request:header("host") then
        add("X-Forwarded-Host", request:header("host"))
    end
    return fields
end

return message_fields
