--- What of a message's fields goes on to the next hop, and what a proxy adds. Pure.
local hop_by_hop = require "perigee.http.hop_by_hop"

local message_fields = {}

-- Meant for this proxy alone, as far as it asks for them at all.
local OF_PROXIES = { ["proxy-authenticate"] = true, ["proxy-authorization"] = true }

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
        if not (hop_by_hop[lowered] or OF_PROXIES[lowered] or own[lowered]) then
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
