--- RPC calls this worker's services do not answer themselves: kept while their service is handed
-- over, or refused.
local host = require "host"
local routing = require "perigee.worker.routing"

local forward_call = {}

local UNAVAILABLE, METHOD_NOT_FOUND = -32002, -32601

--- Takes the call with this number; called outside of tasks.
function forward_call.take(call_id)
    local _, method = host.call_request(call_id)
    local name = method and method:match("^(.*)%.")
    local entry = name and routing.find_rpc(name)
    if not entry then
        host.call_fail(call_id, "rpc: can't find service " .. tostring(method), METHOD_NOT_FOUND)
    elseif routing.keep_call(entry.service, call_id) then
        return
    else
        host.call_fail(call_id, ("perigee: the service %s is not available in this worker, call "
            .. "again on another connection"):format(entry.service), UNAVAILABLE)
    end
end

return forward_call
