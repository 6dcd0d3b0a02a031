--- What a method learns of its call, in each protocol.
local client = require "perigee.rpc.client"
local host = require "spec.support.host"
local json = require "perigee.json"

local WHO = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local Who = {}

rpc.use(function(next)
    return function(args, call)
        call.user = "Ann"
        return next(args, call)
    end
end)

function Who.Is(_, call)
    return { service = call.service, method = call.method, protocol = call.protocol,
        host = call.peer and call.peer.host or "none", port = call.peer and call.peer.port or 0,
        user = call.user, is_same = call.peer == call.peer, other = tostring(call.other),
        left = call.deadline and call.deadline - perigee.now() or 0 }
end

local ended = perigee.chan(1)

function Who.Keep(_, call)
    local _, _, reason = perigee.chan():recv()
    ended:send(reason)
    return call.peer ~= nil
end

function Who.Kept()
    return (ended:recv())
end

return { replicas = %s, rpc = { %s = Who } }
]]

local ASKER = [[
local rpc = require "perigee.rpc"
local Asker = {}

function Asker.Ask(_, call)
    return rpc.service("Who"):call("Is")
end

return { rpc = { Asker = Asker } }
]]

describe("the second argument of a method", function()
    local running

    after_each(host.stop_all)

    local function start(workers, replicas, ...)
        running = host.start({ workers = workers, flags = { ... }, services = {
            ["who.lua"] = WHO:format(replicas, "Who"), ["asker.lua"] = ASKER,
            ["other.lua"] = WHO:format(replicas, "Other"),
        } })
    end

    local function post(method)
        return json.decode(running:request({ method = "POST", target = "/rpc/" .. method,
            fields = { "Content-Type", "application/json" }, body = "" }).body)
    end

    local function check(found, protocol, service)
        assert.equal("127.0.0.1", found.host)
        assert.is_true(found.port > 0)
        assert.is_true(found.left > 55 and found.left < 65)
        found.port, found.left = nil, nil
        assert.same({ service = service or "Who", method = "Is", protocol = protocol,
            host = "127.0.0.1", user = "Ann", is_same = true, other = "nil" }, found)
    end

    for _, case in ipairs({ { 1, "'worker'" }, { 2, 1 } }) do
        it(("tells who calls and how, with %d workers and replicas = %s"):format(case[1], case[2]),
            function()
                start(case[1], case[2])
                for _, codec in ipairs({ "gob", "jsonrpc", "json", "msgpack" }) do
                    for _ = 1, 4 do
                        local server = client.dial("tcp://" .. running.rpc, { codec = codec })
                        check(assert(server:call("Who.Is", 0)), codec)
                        check(assert(server:call("Other.Is", 0)), codec, "Other")
                        server:close()
                    end
                end
                check(post("Who.Is"), "http")
                check(post("Other.Is"), "http", "Other")
            end)
    end

    it("has no peer when another service calls", function()
        start(1, "'worker'")
        local found = post("Asker.Ask")
        assert.equal("none", found.host)
        assert.equal("service", found.protocol)
        assert.equal("Who", found.service)
    end)

    it("has no deadline where there is none", function()
        start(1, "'worker'", "--rpc-timeout", "0")
        assert.equal(0, post("Who.Is").left)
    end)

    it("comes with a context whose waits end when the caller is gone", function()
        start(1, "'worker'")
        local server = client.dial("tcp://" .. running.rpc)
        server:call("Who.Keep", 0, { timeout_s = 0.05 })
        server:close()
        assert.equal("canceled", post("Who.Kept"))
    end)

    it("believes no client about who it is", function()
        start(1, "'worker'")
        local found = json.decode(running:request({ method = "POST", target = "/rpc/Who.Is",
            fields = { "Content-Type", "application/json", "Perigee-Peer", "10.0.0.1:1" },
            body = "" }).body)
        check(found, "http")
    end)
end)
