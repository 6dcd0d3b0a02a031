--- What a method learns of its call, as its second argument:
--
--    service, method   the names it was called by
--    protocol          "gob", "jsonrpc" (1.0), "json" (2.0), "msgpack", "http" (POST
--                      /rpc/Service.Method), "service" (a proxy of another service)
--    peer              { host =, port = } of the client; nil for another service
--    deadline          in seconds of perigee.now(); nil for none
--
-- What few methods look at is found out when it is asked for, while the call lasts.
local context = require "perigee.core.context"
local host = require "host"

local PROTOCOLS = { "gob", "jsonrpc", "json", "msgpack", "http", "service" }

local lazy = {}

function lazy.peer(self)
    local name, port = host.call_peer(self._id)
    return name and { host = name, port = port }
end

function lazy.deadline()
    return context.current():deadline()
end

local metatable = {
    __index = function(self, key)
        local find = lazy[key]
        local value = find and find(self)
        if value ~= nil then
            rawset(self, key, value)
        end
        return value
    end,
}

--- @param method see perigee.rpc.method
-- @param protocol its number, see host/rpc/rpc_call.h
return function(method, id, protocol)
    return setmetatable({ service = method.service, method = method.name,
        protocol = PROTOCOLS[protocol], _id = id }, metatable)
end
