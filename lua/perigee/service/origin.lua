--- Who asked: what the worker that got a request from its client tells the one that answers it, in
-- a field of the request. It counts only where the host knows that a worker has sent it.
local lazy = require "perigee.core.lazy"

local url = lazy "perigee.http.url"

local origin = { FIELD = "Perigee-Origin" }

local KEY = origin.FIELD:lower()
local COUNT = 6 -- host, port, then what exchange:tls() returns

--- The value of the field for an exchange.
function origin.encode(exchange)
    local values = { exchange:peer() }
    values[3], values[4], values[5], values[6] = exchange:tls()
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

--- Host, port, and version, cipher, name and client's subject of TLS, each nil where there is none.
function origin.decode(text)
    local values = {}
    for value in (text .. ","):gmatch("([^,]*),") do
        values[#values + 1] = value ~= "" and url.decode(value) or false
    end
    return values[1] or nil, tonumber(values[2] or nil), values[3] or nil, values[4] or nil,
        values[5] or nil, values[6] or nil
end

return origin
