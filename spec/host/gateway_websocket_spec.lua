--- WebSockets through gateway.proxy: they pass as they are, both ends learn of the other's end, and
-- a client is told why its socket is over.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local websocket_peer = require "spec.support.websocket_peer"

local GATEWAY = [[
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local app = http.router()
    app:all("/api/*rest", gateway.proxy { service = "chat" })
    app:all("/small/*rest", gateway.proxy { service = "chat", max_message = 1000 })
    app:all("/quick/*rest", gateway.proxy { service = "chat", idle_s = 0.05 })
    app:all("/none/*rest", gateway.proxy { service = "nobody" })
    return { http = app, mount = "/" }
]]

local CHAT = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()
    local ended = 0
    local options = { protocols = { "v2" }, max_message = 4194304 }
    app:websocket("/echo", options, function(socket)
        for message, kind in socket:messages() do
            if message == "by" then
                message = socket.request:header("x-forwarded-for")
            end
            if kind == "text" then socket:send(message) else socket:send_binary(message) end
        end
        ended = ended + 1
    end)
    app:websocket("/flood", options, function(socket)
        while socket:send(("x"):rep(100000)) do end
        ended = ended + 1
    end)
    app:websocket("/leave", function(socket) socket:close(4000, "enough") end)
    app:get("/ended", function() return tostring(ended) end)
    app:get("/plain", function() return "plain" end)
    return { http = app, replicas = 1 }
]]

describe("a WebSocket through gateway.proxy", function()
    local running

    before_each(function()
        running = host.start { services = { ["gateway.lua"] = GATEWAY, ["chat.lua"] = CHAT },
            flags = { "--drain-delay", "0s" } }
        running:wait_for_body("/api/plain", "plain")
    end)

    after_each(host.stop_all)

    local function open(path, fields)
        return websocket_peer.open(running:open(), path, fields)
    end

    local function message(peer)
        local parts = {}
        local opcode, piece, first
        repeat
            opcode, piece, first = peer:read()
            parts[#parts + 1] = piece
        until not opcode or first >= 128
        return table.concat(parts), opcode
    end

    local function sockets_of(name)
        return running:service(name).isolates[1].websockets
    end

    it("passes messages of any size, and who asked", function()
        local peer = open("/api/echo", { ["Sec-WebSocket-Protocol"] = "v1, v2" })
        assert.matches("^HTTP/1.1 101 .*\r\nSec%-WebSocket%-Accept: s3pPLMBi", peer.head)
        assert.matches("\r\nSec%-WebSocket%-Protocol: v2\r\n", peer.head)
        for _, size in ipairs({ 0, 1, 125, 126, 65535, 65536, 1000000 }) do
            local payload = ("y"):rep(size)
            peer:write(websocket_peer.BINARY, payload)
            assert.is_true(message(peer) == payload)
        end
        peer:write(websocket_peer.TEXT, "by")
        assert.equal("127.0.0.1", message(peer))
        assert.equal(1, sockets_of("gateway"))
        assert.equal(1, sockets_of("chat"))
        peer:write_close(1000)
        assert.equal(1000, (peer:read_close()))
        assert.is_nil(peer:read())
        eventually(function() return sockets_of("gateway") == 0 end, "it is over")
    end)

    it("passes what comes byte by byte", function()
        local peer = open("/api/echo")
        local frame = websocket_peer.frame(128 + websocket_peer.BINARY, ("z"):rep(130))
        for i = 1, #frame do
            peer:write_raw(frame:sub(i, i))
            perigee.sleep(0)
        end
        assert.equal(("z"):rep(130), (message(peer)))
    end)

    it("passes on a refusal, and what is no handshake", function()
        assert.matches("^HTTP/1.1 403 ", open("/api/echo", { Origin = "null" }).head)
        local head = open("/api/echo", { ["Sec-WebSocket-Version"] = "12" }).head
        assert.matches("^HTTP/1.1 426 ", head)
        assert.equal(200, running:get("/api/plain").status)
        assert.matches("^HTTP/1.1 200 ", open("/api/plain").head)
        assert.matches("^HTTP/1.1 404 ", open("/api/no/such").head)
        assert.matches("^HTTP/1.1 503 ", open("/none/echo").head)
        assert.equal(0, sockets_of("gateway"))
    end)

    it("passes on the instance's close", function()
        local peer = open("/api/leave")
        local code, reason = peer:read_close()
        assert.same({ 4000, "enough" }, { code, reason })
        peer:write_close(4000)
        assert.is_nil(peer:read())
    end)

    it("ends at the instance when the client is gone without a word", function()
        open("/api/echo"):close()
        eventually(function() return running:body("/api/ended") == "1" end, "it has ended there")
        assert.equal(0, sockets_of("gateway"))
    end)

    it("waits for a client that does not read", function()
        local peer = open("/api/flood")
        assert.truthy(peer:read())
        -- What the client is sent waits, and what the instance sends to the gateway.
        eventually(function()
            return running:status().workers[1].http.limits.max_unsent >= 2
        end, "both writers wait")
        peer:close()
        eventually(function() return running:body("/api/ended") == "1" end, "it has ended there")
    end)

    it("refuses messages that are too large with 1009, of either side", function()
        local peer = open("/small/echo")
        peer:write(websocket_peer.BINARY, ("x"):rep(1000))
        assert.equal(1000, #message(peer))
        peer:write(websocket_peer.BINARY, ("x"):rep(1001))
        assert.equal(1009, (peer:read_close()))
        peer:write_close(1009)
        local other = open("/small/flood")
        assert.equal(1009, (other:read_close()))
        other:write_close(1009)
        eventually(function() return running:body("/api/ended") == "2" end, "both have ended there")
    end)

    it("ends one that has been idle for too long with 1001", function()
        local peer = open("/quick/echo")
        assert.equal(1001, (peer:read_close()))
        peer:write_close(1001)
        assert.is_nil(peer:read())
        eventually(function() return running:body("/api/ended") == "1" end, "it has ended there")
    end)

    it("is told 1012 when the gateway is replaced, also where a frame has to end first", function()
        local peer, flooded = open("/api/echo"), open("/api/flood")
        peer:write(websocket_peer.BINARY, "a")
        assert.equal("a", (message(peer)))
        running:write("gateway.lua", "-- new\n" .. GATEWAY)
        assert.equal(1012, (peer:read_close()))
        peer:write_close(1012)
        assert.is_nil(peer:read())
        assert.equal(1012, (flooded:read_close()))
        flooded:write_close(1012)
        eventually(function() return running:body("/api/ended") == "2" end, "both have ended there")
    end)

    it("is told 1001 when the host stops", function()
        local peer = open("/api/echo")
        running:signal(15)
        assert.equal(1001, (peer:read_close()))
        peer:write_close(1001)
        assert.is_nil(peer:read())
        assert.equal(0, running:wait())
    end)

    it("is cut when the client does not close", function()
        local peer = open("/api/echo")
        running:write("gateway.lua", "-- new\n" .. GATEWAY)
        assert.equal(1012, (peer:read_close()))
        assert.is_nil(peer:read())
    end)
end)
