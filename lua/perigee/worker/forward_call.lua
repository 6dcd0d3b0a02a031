--- RPC calls this worker's services do not answer themselves: sent on to the worker that runs the
-- service, kept while it is handed over, or refused.
local call_envelope = require "perigee.core.lazy" "perigee.worker.call_envelope"
local event = require "perigee.core.event"
local forward = require "perigee.worker.forward"
local host = require "host"
local host_methods = require "perigee.worker.host_methods"
local routing = require "perigee.worker.routing"
local scheduler = require "perigee.core.scheduler"

local forward_call = {}

local UNAVAILABLE, METHOD_NOT_FOUND = -32002, -32601
local TIMEOUT_S = 3600 -- the other worker knows the deadline

local tasks = {} -- number of a call -> the task that sends it on

local function refuse(call_id, service)
    host.call_fail(call_id, ("perigee: the service %s is not available, call again"):format(
        service), UNAVAILABLE)
end

local function conclude(call_id, bytes, numbers, code, data)
    if bytes then
        host.call_reply(call_id, bytes, numbers)
    else
        host.call_fail(call_id, numbers, code, data)
    end
end

local function send_on(call_id, entry)
    local protocol, method, argument = host.call_request(call_id)
    if not protocol then
        return
    end
    local target, content_type, body = call_envelope.wrap(protocol, method, argument,
        host.call_definitions(call_id, 0) or {})
    local answer = forward.pool_of(entry.slot):request({
        method = "POST", target = target, body = body, timeout_s = TIMEOUT_S,
        fields = { "Content-Type", content_type },
    })
    if not answer then
        refuse(call_id, entry.service)
        return
    end
    conclude(call_id, call_envelope.unwrap(protocol, answer.status, answer.body, host.gob_define))
end

local function start(call_id, entry)
    local task = scheduler.spawn(send_on, call_id, entry)
    task.name = "call of " .. entry.service
    tasks[call_id] = task
    scheduler.on_finish(task, function(_, is_ok, failure, traceback)
        tasks[call_id] = nil
        if not is_ok then
            refuse(call_id, entry.service)
            scheduler.on_failure(task, failure, traceback)
        end
    end)
end

scheduler.on_event(event.CALL_ABANDONED, function(call_id)
    if tasks[call_id] then
        require("perigee.core.context").cancel_task(tasks[call_id])
    end
end)

--- Takes the call with this number; called outside of tasks.
function forward_call.take(call_id)
    local _, method = host.call_request(call_id)
    local name = method and method:match("^(.*)%.")
    local entry = name and routing.find_rpc(name)
    if name == host_methods.SERVICE then
        host_methods.take(call_id)
    elseif not entry then
        host.call_fail(call_id, "rpc: can't find service " .. tostring(method), METHOD_NOT_FOUND)
    elseif routing.keep_call(entry.service, call_id) then
        return
    elseif entry.kind == "remote" then
        start(call_id, entry)
    else
        refuse(call_id, entry.service)
    end
end

return forward_call
