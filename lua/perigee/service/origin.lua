--- Who asked: what the worker that got a request from its client tells the one that answers it, in
-- a field of the request. It counts only where the host knows that a worker has sent it.
local lazy = require "perigee.core.lazy"

local url = lazy "perigee.http.url"

local origin = { FIELD = "Perigee-Origin" }

local KEY = origin.FIELD:lower()
-- Host, port, what exchange:tls() returns, and for a request of HTTP/1.0, which is sent on in 1.1,
-- its version and whether it had a Host.
local COUNT = 8
local OLD, HOSTLESS = "1.0", "hostless"

--- The value of the field for an exchange.
function origin.encode(exchange)
    local values = { exchange:peer() }
    values[3], values[4], values[5], values[6] = exchange:tls()
    if exchange:version() == OLD then
        values[7], values[8] = OLD, not exchange:field("host") and HOSTLESS or nil
    end
    for i = 1, COUNT do
        values[i] = url.encode(tostring(values[i] or ""))
    end
    return table.concat(values, ",")
end

--- The fields of an exchange as they are sent on: with this one, in place of any that its client
-- has made up.
function origin.fields(exchange)
    local fields, kept = exchange:fields(), {}
    for i = 1, #fields, 2 do
        if fields[i]:lower() ~= KEY then
            kept[#kept + 1], kept[#kept + 2] = fields[i], fields[i + 1]
        end
    end
    kept[#kept + 1], kept[#kept + 2] = origin.FIELD, origin.encode(exchange)
    return kept
end

-- All values, false for those that are not there.
local function split(text)
    local values = {}
    for value in (text .. ","):gmatch("([^,]*),") do
        values[#values + 1] = value ~= "" and url.decode(value) or false
    end
    return values
end

--- Host, port, and version, cipher, name and client's subject of TLS, each nil where there is none.
function origin.decode(text)
    local values = split(text)
    return values[1] or nil, tonumber(values[2] or nil), values[3] or nil, values[4] or nil,
        values[5] or nil, values[6] or nil
end

--- The version of HTTP the client spoke, "1.0" or "1.1".
function origin.version(text)
    return split(text)[7] == OLD and OLD or "1.1"
end

--- False when the client named no host, and the one that is there is the other worker's.
function origin.has_host(text)
    return split(text)[8] ~= HOSTLESS
end

--- The fields as the client sent them, of those that came with this text. Changes the array.
function origin.restore(fields, text)
    local has_host = origin.has_host(text)
    for i = #fields - 1, 1, -2 do
        if fields[i] == origin.FIELD or not has_host and fields[i]:lower() == "host" then
            table.remove(fields, i)
            table.remove(fields, i)
        end
    end
    return fields
end

return origin
