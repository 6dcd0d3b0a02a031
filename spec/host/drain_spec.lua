--- What clients of every kind see of a host that stops: readiness, the end of streams, what is cut
-- at the deadline and how that is told.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local websocket_peer = require "spec.support.websocket_peer"

local SIGTERM = 15

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local notes = { ended = 0 }
app:get("/notes", function() return notes end)
app:get("/hello", function() return "hello" end)
app:get("/events", function(_, response)
    local events = response:events()
    while events:send("tick") do
        perigee.sleep(0.005)
    end
    print("the stream of events has ended")
end)
app:get("/rare-events", function(_, response)
    response:events():send("once")
    perigee.sleep(1e6)
end)
app:get("/waits", function() perigee.sleep(1e6) return "never" end)
app:get("/half", function(_, response)
    response:write("half")
    perigee.sleep(1e6)
end)
app:websocket("/socket", function(socket)
    socket:send("here")
    perigee.sleep(1e6)
end)
local Slow = {}
function Slow.Wait() perigee.sleep(1e6) return "never" end
return { http = app, mount = "/", rpc = { Slow = Slow } }
]]

local function get(target)
    return ("GET %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(target)
end

-- Reads until `text` was said; returns all there was so far.
local function read_until(peer, text)
    local all = ""
    eventually(function()
        all = all .. (peer:read() or "")
        return all:find(text, 1, true)
    end, "the host says " .. text)
    return all
end

describe("a host that stops", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... } })
    end

    it("is not ready at once, still healthy, and serves on for the drain delay", function()
        local running = start("--drain-delay", "2s")
        assert.equal(200, select(2, running:ask("GET", "/readyz")))
        running:signal(SIGTERM)
        running:wait_for_log("stopping")
        local answer, status = running:ask("GET", "/readyz")
        assert.equal(503, status)
        assert.equal("stopping", answer.reason)
        assert.equal(200, select(2, running:ask("GET", "/healthz")))
        assert.equal("hello", running:body("/hello"))
        assert.equal(0, running:wait())
    end)

    it("does not wait for a client that says nothing", function()
        local running = start()
        local silent = running:open()
        local rpc = assert(require("perigee.core.stream").connect(running.rpc))
        running:wait_until(function()
            local worker = running:status().workers[1]
            return worker.http.connections == 1 and worker.rpc.connections == 1
        end, "both are accepted")
        local begun_at = perigee.now()
        assert.equal(0, running:stop())
        assert.is_true(perigee.now() - begun_at < 5, "it took as long as --head-timeout")
        silent:close()
        rpc:close()
    end)

    it("ends streams of events in order, also one that rests, without waiting for them", function()
        local running = start()
        local often, rarely = running:open(), running:open()
        often:write(get("/events"))
        rarely:write(get("/rare-events"))
        local first, second = read_until(often, "tick"), read_until(rarely, "once")
        assert.equal(0, running:stop())
        assert.matches("\r\n0\r\n\r\n$", first .. running.read_all(often))
        assert.matches("\r\n0\r\n\r\n$", second .. running.read_all(rarely))
        running:wait_for_log("the stream of events has ended")
        running:wait_for_log("stopped  .*cut_streams=0")
    end)

    it("says how much of what was cut at the deadline, and ends with status 3", function()
        local running = start("--drain", "200ms")
        local waits, half, socket = running:open(), running:open(), running:open()
        waits:write(get("/waits"))
        half:write(get("/half"))
        local answered = read_until(half, "half")
        socket:write(websocket_peer.handshake("/socket"))
        local upgraded = read_until(socket, "here")
        local rpc = assert(require("perigee.core.stream").connect(running.rpc))
        rpc:write('{"jsonrpc":"2.0","id":1,"method":"Slow.Wait"}')
        running:wait_until(function()
            local isolate = running:service("service").isolates[1]
            return isolate.in_flight == 3 and isolate.websockets == 1
        end, "all are under way")
        running:signal(SIGTERM)
        assert.equal(3, running:wait())
        running:wait_for_log("WARN  perigee  stopped: requests, streams, calls and WebSockets "
            .. "were cut at the drain deadline  cut_calls=1  cut_requests=1  cut_streams=1  "
            .. "cut_websockets=1")
        assert.matches("^HTTP/1.1 503 ", running.read_all(waits))
        assert.is_nil((answered .. running.read_all(half)):find("0\r\n\r\n$"))
        assert.matches("\136.\3\233", upgraded .. running.read_all(socket)) -- close, 1001
        assert.matches('"error":{"code":%-32002,"message":"perigee: the service was stopped',
            running.read_all(rpc))
    end)

    it("answers whoever waits in the kernel's queue", function()
        local running = start()
        local peers = {}
        for i = 1, 50 do
            peers[i] = running:open()
            peers[i]:write(get("/hello"))
        end
        running:signal(SIGTERM)
        for i = 1, 50 do
            assert.matches("hello$", running.read_all(peers[i]))
        end
        assert.equal(0, running:wait())
    end)
end)
