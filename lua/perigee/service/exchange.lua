--- An HTTP exchange of the host as perigee.http.server wants it: the seam's numbers behind methods.
local event = require "perigee.core.event"
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local exchange = {}
local methods = {}
local metatable = { __index = methods }

-- A client that goes away ends the wait for its body, which then says why.
scheduler.on_event(event.ABANDONED, function(id)
    scheduler.notify(event.BODY, id)
end)

function exchange.new(id)
    return setmetatable({ id = id }, metatable)
end

function methods:request_line()
    return host.exchange_request(self.id)
end

function methods:fields()
    return host.exchange_fields(self.id) or {}
end

function methods:field(name)
    return host.exchange_field(self.id, name)
end

function methods:peer()
    return host.exchange_peer(self.id)
end

--- Version, cipher, host asked for or nil, subject of the client's certificate or nil. Nothing
-- without TLS.
function methods:tls()
    return host.exchange_tls(self.id)
end

--- The whole body, waited for; or nil, code.
function methods:body()
    while true do
        local body, code = host.exchange_body(self.id)
        if body or code ~= "again" then
            return body, code
        end
        scheduler.wait_event(event.BODY, self.id)
    end
end

function methods:respond(status, fields, body)
    return host.exchange_respond(self.id, status, fields, body)
end

return exchange
