--- Methods that the host answers itself, in every worker and protocol, under the name that JSON-RPC
-- 2.0 keeps for such: rpc.describe tells which services and methods there are.
local call_codecs = require "perigee.core.lazy" "perigee.service.call_codecs"
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local singleflight = require "perigee.core.sync.singleflight"
local types = require "perigee.core.lazy" "perigee.rpc.types"

local host_methods = {
    --- The name of their service.
    SERVICE = "rpc",
}

local METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32601, -32602, -32603
local UNAVAILABLE = -32002

-- Whoever can connect can ask, so one question is under way to the supervisor at a time, and so
-- many calls wait for its answer.
local MOST_CALLS = 100

local ask -- function() -> what perigee.supervisor.catalog describes | nil, code, detail
local questions = singleflight.new()
local call_count = 0

--- `describe` asks the supervisor for every service there is; it may wait.
function host_methods.configure(describe)
    ask = describe
end

local describe = { service = host_methods.SERVICE, name = "describe" }

-- The argument is the name of one service, or empty for all.
function describe.run(wanted)
    local services, code, detail = questions:run("describe", ask)
    if not services then
        return nil, ("perigee: the host cannot tell now, call again: %s"):format(detail or code),
            UNAVAILABLE
    elseif wanted == "" then
        return services
    end
    for _, service in ipairs(services) do
        if service.Name == wanted then
            return { service }
        end
    end
    return nil, "rpc: can't find service " .. wanted, INVALID_PARAMS
end

-- Types are made with the first call, for most workers never get one.
local function prepare()
    describe.args = describe.args or assert(types.parse("string"))
    describe.reply = describe.reply or assert(types.parse { "[]", { name = "Service",
        { "Name", "string" }, { "Methods", { "[]", { name = "Method", { "Name", "string" },
            { "Args", "string" }, { "Reply", "string" }, { "Doc", "string" } } } } } })
end

local function answer(call_id, protocol, bytes, connection, definition_count)
    prepare()
    local codec = call_codecs[protocol]
    local is_fit, argument = codec.decode(describe, bytes, call_id, connection, definition_count)
    if not is_fit then
        host.call_fail(call_id, argument, INVALID_PARAMS)
        return
    end
    local services, problem, code = describe.run(argument)
    if not services then
        host.call_fail(call_id, problem, code)
        return
    end
    local reply, numbers, detail = codec.encode(describe, services)
    if reply then
        host.call_reply(call_id, reply, numbers)
    else
        host.call_fail(call_id, detail, INTERNAL_ERROR)
    end
end

local function serve(call_id)
    local protocol, name, bytes, connection, definition_count = host.call_request(call_id)
    if not protocol then
        return
    elseif name ~= "rpc.describe" then
        host.call_fail(call_id, "rpc: can't find method " .. name, METHOD_NOT_FOUND)
    else
        answer(call_id, protocol, bytes, connection, definition_count)
    end
end

--- Takes the call with this number; called outside of tasks.
function host_methods.take(call_id)
    if call_count == MOST_CALLS then
        host.call_fail(call_id, "perigee: the host has too many calls in flight, call again later",
            UNAVAILABLE)
        return
    end
    call_count = call_count + 1
    local task = scheduler.spawn(serve, call_id)
    task.name = "call of rpc"
    scheduler.on_finish(task, function(_, is_ok, failure, traceback)
        call_count = call_count - 1
        if not is_ok then
            host.call_fail(call_id, "perigee: the host failed; its log says why", INTERNAL_ERROR)
            scheduler.on_failure(task, failure, traceback)
        end
    end)
end

return host_methods
