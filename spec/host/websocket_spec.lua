--- WebSockets of a service, frame by frame.
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local websocket_peer = require "spec.support.websocket_peer"

local TEXT, BINARY, CLOSE = websocket_peer.TEXT, websocket_peer.BINARY, websocket_peer.CLOSE
local PING, PONG = websocket_peer.PING, websocket_peer.PONG

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"

local app = http.router()
local last = {}
local gate = perigee.chan()

app:get("/last", function() return last end)
app:get("/open", function()
    gate:close()
    return "open"
end)

local function echo(socket)
    for message, kind in socket:messages() do
        if kind == "text" then
            socket:send(message)
        else
            socket:send_binary(message)
        end
    end
    last = { code = socket.close_code, reason = socket.close_reason }
end

app:websocket("/echo", echo)
app:websocket("/small", { max_message = 10 }, echo)
app:websocket("/deflate", { compression = true }, echo)
app:websocket("/any", { origins = "*" }, echo)
app:websocket("/some", { origins = { "https://a.example" } }, echo)
app:websocket("/protocols", { protocols = { "v2", "v1" } }, function(socket)
    socket:send(socket.subprotocol or "none")
end)
app:websocket("/return", function(socket) socket:send("bye") end)
app:websocket("/raise", function() error("out of luck") end)
app:websocket("/close", function(socket)
    last = { first = socket:close(4000, "enough"), second = { socket:close() } }
    last.received = { socket:receive() }
end)
app:websocket("/wrong", function(socket)
    socket:receive()
    local is_ok, message = pcall(function() socket:send("\255") end)
    socket:send(tostring(message))
    is_ok, message = pcall(function() socket:close(1005) end)
    socket:send(tostring(message))
    is_ok, message = pcall(function() socket:send(1) end)
    socket:send(tostring(message))
end)
app:websocket("/flood", function(socket)
    local count = 0
    repeat
        local is_sent, code = socket:send_binary(("x"):rep(100000))
        count = count + 1
        last = { count = count, code = code }
    until not is_sent
end)
app:websocket("/gated", function(socket)
    gate:recv()
    local size = 0
    for message in socket:messages() do
        size = size + #message
    end
    last = { size = size }
end)
app:websocket("/select", function(socket)
    local ticks = perigee.chan(1)
    ticks:send("tick")
    for _ = 1, 2 do
        perigee.select {
            { socket, function() socket:send((socket:receive())) end },
            { ticks, "recv", function(value) socket:send(value) end },
        }
    end
end)
app:websocket("/two", function(socket)
    perigee.go(function() socket:send(("a"):rep(300000)) end)
    socket:send(("b"):rep(300000))
    socket:receive()
end)
app:websocket("/guarded", function(next_handler)
    return function(request, response)
        if not request:header("X-Pass") then
            return http.error(401, "who are you?")
        end
        return next_handler(request, response)
    end
end, echo)

return { http = app, mount = "/" }
]]

describe("a WebSocket", function()
    after_each(host.stop_all)

    local function start(options)
        options = options or {}
        options.services = options.services or { ["service.lua"] = SERVICE }
        return host.start(options)
    end

    local function open(running, target, fields)
        return websocket_peer.open(running:open(), target, fields)
    end

    local function connected(target, fields)
        local running = start()
        local peer = open(running, target, fields)
        assert.matches("^HTTP/1.1 101 ", peer.head)
        return peer, running
    end

    it("is opened as RFC 6455 says", function()
        local peer = connected("/echo")
        assert.matches("\r\nUpgrade: websocket\r\n", peer.head)
        assert.matches("\r\nConnection: Upgrade\r\n", peer.head)
        assert.matches("\r\nSec%-WebSocket%-Accept: s3pPLMBiTxaQ9kYGzzhZRbK%+xOo=\r\n", peer.head)
        assert.is_nil(peer.head:find("Extensions"))
    end)

    it("carries texts and bytes of any length", function()
        local peer = connected("/echo")
        for _, size in ipairs({ 0, 1, 125, 126, 65535, 65536, 200000 }) do
            peer:write(BINARY, ("\0\255"):rep(size):sub(1, size))
            local parts, opcode, payload, first = {}, peer:read()
            assert.equal(BINARY, opcode)
            while first < 128 do
                parts[#parts + 1] = payload
                opcode, payload, first = peer:read()
                assert.equal(0, opcode)
            end
            assert.equal(size, #table.concat(parts) + #payload)
        end
        peer:write(TEXT, "na\195\175ve")
        local opcode, payload = peer:read()
        assert.same({ TEXT, "na\195\175ve" }, { opcode, payload })
    end)

    it("takes messages in pieces, with a ping between them", function()
        local peer = connected("/echo")
        peer:write_raw(websocket_peer.frame(TEXT, "one "))
        peer:write(PING, "are you there")
        peer:write_raw(websocket_peer.frame(128, "two"))
        assert.same({ PONG, "are you there", 128 + PONG }, { peer:read() })
        assert.equal("one two", (select(2, peer:read())))
    end)

    it("is closed by the client", function()
        local peer, running = connected("/echo")
        peer:write_close(4321, "done")
        assert.equal(4321, (peer:read_close()))
        assert.is_nil(peer:read())
        running:wait_until(function()
            local last = running:json("/last")
            return last.code == 4321 and last.reason == "done"
        end, "the handler has heard of it")
        assert.equal("", running:log():match("ERROR.*") or "")
    end)

    it("is closed by the service", function()
        local peer, running = connected("/close")
        assert.same({ 4000, "enough" }, { peer:read_close() })
        peer:write_close(4000)
        assert.is_nil(peer:read())
        running:wait_until(function()
            return running:json("/last").received
        end, "the handler has returned")
        local last = running:json("/last")
        assert.is_true(last.first)
        assert.equal("closed", last.second[2])
        assert.equal("closed", last.received[2])
    end)

    it("is closed with 1000 when the handler returns, and 1011 when it fails", function()
        local running = start()
        local peer = open(running, "/return")
        assert.same({ TEXT, "bye", 128 + TEXT }, { peer:read() })
        assert.equal(1000, (peer:read_close()))
        peer = open(running, "/raise")
        assert.equal(1011, (peer:read_close()))
        peer:close()
        assert.matches("service.lua:%d+: out of luck", running:wait_for_log("out of luck"))
    end)

    it("tells the handler that the client is gone", function()
        local peer, running = connected("/echo")
        peer:close()
        running:wait_until(function()
            return running:json("/last").code == 1006
        end, "the handler has heard of it")
        running:wait_until(function()
            return running:service("service").isolates[1].websockets == 0
        end, "it is not counted any more")
    end)

    it("is refused where the handshake is none", function()
        local running = start()
        local function refused(target, fields)
            return open(running, target, fields).head
        end
        local plain = running:get("/echo")
        assert.equal(426, plain.status)
        assert.equal("websocket", plain:header("upgrade"))
        assert.matches("Upgrade", plain:header("connection"))
        local head = refused("/echo", { ["Sec-WebSocket-Version"] = "8" })
        assert.matches("^HTTP/1.1 426 .*\r\nConnection: Upgrade\r\n", head)
        assert.matches("\r\nSec%-WebSocket%-Version: 13\r\n", head)
        assert.matches("\r\nUpgrade: websocket\r\n", head)
        for _, key in ipairs({ false, "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==" }) do
            assert.matches("^HTTP/1.1 400 ", refused("/echo", { ["Sec-WebSocket-Key"] = key }))
        end
        local old = websocket_peer.handshake("/echo"):gsub("HTTP/1.1", "HTTP/1.0")
        assert.matches("^HTTP/1.1 400 ", running:raw(old))
        assert.matches("^HTTP/1.1 400 ", running:raw(websocket_peer.handshake("/echo",
            { Connection = "close, Upgrade" })))
        assert.matches("^HTTP/1.1 400 ", refused("/echo", { ["Content-Length"] = "0" }))
        assert.matches("^HTTP/1.1 405 ", running:raw("POST /echo HTTP/1.1\r\nHost: x\r\n"
            .. "Content-Length: 0\r\nConnection: close\r\n\r\n"))
    end)

    it("is for pages of the host itself unless others are named", function()
        local running = start()
        local function status(target, origin)
            return open(running, target, { Origin = origin }).head:match(" (%d+) ")
        end
        assert.equal("403", status("/echo", "https://evil.example"))
        assert.equal("403", status("/echo", "null"))
        assert.equal("101", status("/echo", "https://x"))
        assert.equal("101", status("/any", "https://evil.example"))
        assert.equal("101", status("/some", "https://A.example"))
        assert.equal("403", status("/some", "https://x"))
    end)

    it("agrees to a subprotocol", function()
        local running = start()
        local peer = open(running, "/protocols", { ["Sec-WebSocket-Protocol"] = "v1, v2" })
        assert.matches("\r\nSec%-WebSocket%-Protocol: v2\r\n", peer.head)
        assert.same("v2", select(2, peer:read()))
        peer = open(running, "/protocols", { ["Sec-WebSocket-Protocol"] = "v3" })
        assert.is_nil(peer.head:find("Sec-WebSocket-Protocol", 1, true))
        assert.same("none", select(2, peer:read()))
    end)

    it("has its route's middleware around the handshake", function()
        local running = start()
        assert.matches("^HTTP/1.1 401 ", open(running, "/guarded").head)
        assert.matches("^HTTP/1.1 101 ", open(running, "/guarded", { ["X-Pass"] = "1" }).head)
    end)

    it("ends with the code of what the client did wrong", function()
        local running = start()
        local function code_for(bytes, target)
            local peer = open(running, target or "/echo")
            peer:write_raw(bytes)
            local code = peer:read_close()
            assert.is_nil(peer:read())
            return code
        end
        assert.equal(1007, code_for(websocket_peer.frame(129, "\255")))
        assert.equal(1002, code_for("\129\1a"))
        assert.equal(1002, code_for(websocket_peer.frame(131, "")))
        assert.equal(1002, code_for(websocket_peer.frame(128 + CLOSE, "\3\237")))
        assert.equal(1009, code_for(websocket_peer.frame(129, "12345678901"), "/small"))
    end)

    it("refuses what no frame can carry", function()
        local peer = connected("/wrong")
        peer:write(TEXT, "")
        assert.matches("service.lua:%d+: a text must be UTF%-8", (select(2, peer:read())))
        assert.matches("service.lua:%d+: a close code is a number", (select(2, peer:read())))
        assert.matches("service.lua:%d+: a message must be a string", (select(2, peer:read())))
        assert.equal(1000, (peer:read_close()))
    end)

    it("makes the handler wait for a client that does not read", function()
        local peer, running = connected("/flood")
        local last = -1
        running:wait_until(function()
            local before = last
            last = running:json("/last").count
            return last and last == before
        end, "the handler waits")
        assert.is_true(last < 200)
        peer:close()
        running:wait_until(function()
            return running:json("/last").code == "closed"
        end, "the handler has heard of the end")
    end)

    it("makes the client wait for a handler that does not receive", function()
        local running = start({ flags = { "--max-unread", "16KB" } })
        local peer = open(running, "/gated")
        local piece = websocket_peer.frame(130, ("x"):rep(50000))
        perigee.go(function()
            for _ = 1, 400 do
                peer:write_raw(piece)
            end
            peer:write_close(1000)
        end)
        local last = -1
        running:wait_until(function()
            local before = last
            last = running:status().workers[1].http.received_size
            return last > 16 * 1024 and last == before
        end, "the host has stopped reading")
        assert.is_true(last < 2 * 1024 * 1024)
        running:get("/open")
        assert.equal(1000, (peer:read_close()))
        running:wait_until(function()
            return running:json("/last").size == 20000000
        end, "all of it has come")
    end)

    it("keeps the pieces of a message together", function()
        local peer = connected("/two")
        for _ = 1, 2 do
            local opcode, payload, first = peer:read()
            local letter, size = payload:sub(1, 1), #payload
            assert.equal(TEXT, opcode)
            while first < 128 do
                opcode, payload, first = peer:read()
                assert.equal(0, opcode)
                assert.is_nil(payload:find("[^" .. letter .. "]"))
                size = size + #payload
            end
            assert.equal(300000, size)
        end
    end)

    it("can be waited for beside other things", function()
        local peer = connected("/select")
        assert.equal("tick", (select(2, peer:read())))
        peer:write(TEXT, "message")
        assert.equal("message", (select(2, peer:read())))
        assert.equal(1000, (peer:read_close()))
    end)

    it("is compressed where both agree", function()
        local offer = { ["Sec-WebSocket-Extensions"] =
            "permessage-deflate; client_max_window_bits" }
        local running = start()
        local peer = open(running, "/deflate", offer)
        assert.matches("\r\nSec%-WebSocket%-Extensions: permessage%-deflate\r\n", peer.head)
        -- RFC 7692 7.2.3.2: "Hello", twice, the second with the window of the first.
        peer:write_raw(websocket_peer.frame(193, "\242\72\205\201\201\7\0"))
        peer:write_raw(websocket_peer.frame(193, "\242\0\17\0\0"))
        local _, payload, first = peer:read()
        assert.same({ "\242\72\205\201\201\7\0", 193 }, { payload, first })
        _, payload, first = peer:read()
        assert.same({ "\242\0\17\0\0", 193 }, { payload, first })
        assert.is_nil(open(running, "/echo", offer).head:find("Extensions"))
    end)

    it("gives up a client that does not answer its pings, and counts it", function()
        local running = start({ flags = { "--websocket-ping", "50ms" } })
        local silent = open(running, "/echo")
        running:wait_until(function()
            return running:json("/last").code == 1006
        end, "it was given up")
        running:wait_until(function()
            return running:service("service").isolates[1].lost_websockets == 1
        end, "it is counted")
        silent:close()
    end)

    -- With more time between two pings than a busy machine keeps us from answering.
    it("pings, and keeps a client that answers", function()
        local running = start({ flags = { "--websocket-ping", "700ms" } })
        local peer = open(running, "/echo")
        for _ = 1, 3 do
            assert.equal(PING, (peer:read()))
            peer:write(PONG, "")
        end
        peer:write(TEXT, "still here")
        local opcode = peer:read()
        while opcode == PING do
            peer:write(PONG, "")
            opcode = peer:read()
        end
        assert.equal(TEXT, opcode)
        assert.equal(0, running:service("service").isolates[1].lost_websockets)
    end)

    it("is told 1012 when its service is replaced", function()
        local peer, running = connected("/echo")
        running:write("service.lua", SERVICE .. "\n")
        assert.equal(1012, (peer:read_close()))
        peer:write_close(1012)
        assert.is_nil(peer:read())
        running:wait_until(function()
            return #running:service("service").isolates == 1
        end, "the old generation is gone")
        assert.equal("", running:log():match("cut at the drain deadline") or "")
    end)

    it("is told 1001 when the host stops", function()
        local peer, running = connected("/echo")
        perigee.go(function() running:signal(15) end)
        assert.equal(1001, (peer:read_close()))
        peer:write_close(1001)
        assert.is_nil(peer:read())
        assert.equal(0, running:wait())
    end)

    it("is cut at the drain deadline when its handler does not end, and named", function()
        local service = [[
            local http = require "perigee.http"
            local perigee = require "perigee"
            local app = http.router()
            app:websocket("/stay", function(socket)
                socket:send("here")
                perigee.sleep(1e6)
            end)
            app:get("/slow", function() perigee.sleep(1e6) end)
            app:get("/version", function() return "%d" end)
            return { http = app, mount = "/", limits = { drain = 0.05 } }
        ]]
        local running = start({ services = { ["service.lua"] = service:format(1) } })
        local peer = open(running, "/stay")
        assert.equal("here", (select(2, peer:read())))
        running:write("service.lua", service:format(2))
        running:wait_for_log("WARN  service  WebSockets were cut at the drain deadline"
            .. ".*requests=0.*websockets=1")
        assert.equal(1012, (peer:read_close()))
        assert.is_nil(peer:read())
        running:wait_for_body("/version", "2")
        peer = open(running, "/stay")
        perigee.go(function() running:get("/slow") end)
        running:wait_until(function()
            local isolate = running:service("service").isolates[1]
            return isolate.in_flight == 1 and isolate.websockets == 1
        end, "both are open")
        running:write("service.lua", service:format(3))
        running:wait_for_log("requests and WebSockets were cut at the drain deadline"
            .. ".*requests=1.*websockets=1")
        peer:close()
    end)

    it("does not make save() wait", function()
        local service = SERVICE:gsub("return { http = app",
            "return { save = function() end, http = app")
        local running = start({ services = { ["service.lua"] = service },
            flags = { "--hand-over", "15s" } })
        local peer = open(running, "/echo")
        local before = perigee.now()
        running:write("service.lua", service .. "\n")
        assert.equal(1012, (peer:read_close()))
        assert.is_true(perigee.now() - before < 10)
    end)

    it("is counted apart from requests", function()
        local _, running = connected("/echo")
        running:wait_until(function()
            local isolate = running:service("service").isolates[1]
            return isolate.websockets == 1 and isolate.in_flight == 0
        end, "it is counted")
        local shown = program.start({ "status", "--admin", running.admin })
        assert.equal(0, shown:wait())
        assert.matches("IN FLIGHT  SOCKETS  HEAP", shown.output)
        assert.matches("\n *service +1 +live +/ +0 +1 +%d+ KB", shown.output)
    end)
end)
