--- RPC calls this worker's services do not answer themselves: sent on to the worker that runs the
-- service, kept while it is handed over, or refused.
local call_envelope = require "perigee.core.lazy" "perigee.worker.call_envelope"
local call_items = require "perigee.core.lazy" "perigee.service.call_items"
local call_records = require "perigee.core.lazy" "perigee.worker.call_records"
local event = require "perigee.core.event"
local forward = require "perigee.worker.forward"
local hop_fields = require "perigee.core.lazy" "perigee.http.hop_fields"
local host = require "host"
local host_methods = require "perigee.worker.host_methods"
local routing = require "perigee.worker.routing"
local scheduler = require "perigee.core.scheduler"

local forward_call = {}

local UNAVAILABLE, METHOD_NOT_FOUND = -32002, -32601
local TIMEOUT_S = 3600 -- the other worker knows the deadline
local MAX_BODY_SIZE = 2 ^ 53
local GOB = 1

local tasks = {} -- number of a call -> the task that sends it on

local function refuse(call_id, entry)
    local text = entry.kind == "failed" and entry.reason
        and ("perigee: the service %s is not running: %s"):format(entry.service, entry.reason)
        or ("perigee: the service %s is not available, call again"):format(entry.service)
    host.call_fail(call_id, text, UNAVAILABLE)
end

local function conclude(call_id, bytes, numbers, code, data)
    if bytes then
        host.call_reply(call_id, bytes, numbers)
    else
        host.call_fail(call_id, numbers, code, data)
    end
end

-- Who called, for the other worker; nothing when that has no address.
local function put_peer(fields, call_id)
    local name, port = host.call_peer(call_id)
    if name and port > 0 then
        fields[#fields + 1] = "Perigee-Peer"
        fields[#fields + 1] = (name:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(name, port)
    end
end

-- Definitions of types belong to a connection, so a call of gob goes as a connection of its own.
local function send_gob(call_id, entry, method, argument)
    local request = call_envelope.request(method, argument, host.call_definitions(call_id, 0) or {})
    request.timeout_s = TIMEOUT_S
    put_peer(request.fields, call_id)
    local answer = forward.pool_of(entry.slot):request(request)
    if not answer then
        refuse(call_id, entry)
        return
    end
    conclude(call_id, call_envelope.unwrap(answer.status, answer.body, host.gob_define))
end

local function reader_for(call_id, outcome)
    return call_records.reader({
        item = function(bytes)
            return call_items.send(call_id, bytes)
        end,
        result = function(bytes, ends_items)
            outcome.is_over = true
            host.call_reply(call_id, bytes, nil, ends_items)
        end,
        failure = function(message, code, data)
            outcome.is_over = true
            host.call_fail(call_id, message, code, data)
        end,
    })
end

local function is_begun_well(head)
    return head.status == 200
end

local function send_records(call_id, entry, request, takes_items)
    local outcome = { is_over = false }
    local read = reader_for(call_id, outcome)
    request.timeout_s, request.max_body = TIMEOUT_S, MAX_BODY_SIZE
    put_peer(request.fields, call_id)
    request.on_head, request.on_piece = is_begun_well, read
    local answer = forward.pool_of(entry.slot, takes_items):request(request)
    if answer and answer.status == 200 then
        read(answer.body)
    end
    if not outcome.is_over then
        refuse(call_id, entry)
    end
end

local function send_on(call_id, entry)
    local protocol, method, argument, _, _, deadline, takes_items, previous_attempts,
        traceparent = host.call_request(call_id)
    if not protocol then
        return
    elseif protocol == GOB then
        send_gob(call_id, entry, method, argument)
        return
    end
    local request = call_records.request(protocol, method, argument, takes_items)
    hop_fields.add(request.fields, deadline and deadline - host.now(), previous_attempts)
    if traceparent then
        hop_fields.add_trace(request.fields, traceparent)
    end
    send_records(call_id, entry, request, takes_items)
end

local function start(call_id, entry)
    local task = scheduler.spawn(send_on, call_id, entry)
    task.name = "call of " .. entry.service
    tasks[call_id] = task
    scheduler.on_finish(task, function(_, is_ok, failure, traceback)
        tasks[call_id] = nil
        if not is_ok then
            refuse(call_id, entry)
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
    elseif not routing.pass_call_on(entry, call_id) then
        refuse(call_id, entry)
    end
end

return forward_call
