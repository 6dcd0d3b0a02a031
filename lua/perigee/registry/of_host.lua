--- The registry as the services of a host see it: what their supervisor knows, whatever stands
-- behind that. It is asked for a service once, and tells every change from then on.
local outgoing = require "perigee.core.outgoing"
local worker_link = require "perigee.core.worker_link"

local ASK_S = 5

local methods = {}
local metatable = { __index = methods }

local of_host = {}

function of_host.new()
    return setmetatable({ name = "host", ttl_s = math.huge, asked = {} }, metatable)
end

-- What the host's registry names may be connected to without a grant.
local function take(known, name, list)
    local addresses = {}
    for _, instance in ipairs(list) do
        addresses[#addresses + 1] = instance.address
        addresses[#addresses + 1] = instance.rpc
    end
    outgoing.vouch(name, addresses)
    known:set(name, list)
    known:mark_good()
end

--- Has `known` follow one service from now on.
function methods:discover(known, name)
    if self.asked[name] then
        return
    end
    self.asked[name] = true
    worker_link.on_notify.instances = function(body)
        take(known, body.name, body.list)
    end
    local answer = worker_link.call("watch_instances", { name = name }, ASK_S)
    if not answer then
        self.asked[name] = nil
        return
    end
    take(known, name, answer.list)
    known:mark_complete(name)
end

function methods.list()
    return worker_link.call("list_services", nil, ASK_S)
end

function methods.withdraw_all()
    return true
end

function methods.close()
end

return of_host
