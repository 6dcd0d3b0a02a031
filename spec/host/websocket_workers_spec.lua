--- WebSockets of a service with one replica, opened at any of several workers.
local host = require "spec.support.host"
local perigee = require "perigee"
local websocket_peer = require "spec.support.websocket_peer"

local SERVICE = [[
local http = require "perigee.http"

local app = http.router()

app:websocket("/echo", function(socket)
    for message in socket:messages() do
        socket:send_binary(message)
    end
end)

app:post("/plain", function(request) return request:body() end)
app:get("/plain", function(request) return request:body() end)
app:websocket("/who", function(socket)
    socket:send_binary(socket.request.remote.host)
end)

return { http = app, mount = "/", replicas = 1 }
]]

-- So many connections that some of them come to either worker.
local CONNECTION_COUNT = 12

describe("a WebSocket of a service in another worker", function()
    local running

    before_each(function()
        running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
    end)

    after_each(host.stop_all)

    local function open(fields)
        return websocket_peer.open(running:open(), "/echo", fields)
    end

    local function read_message(peer)
        local parts = {}
        local opcode, piece, first
        repeat
            opcode, piece, first = peer:read()
            parts[#parts + 1] = piece
        until not opcode or first >= 128
        return table.concat(parts)
    end

    it("is passed through", function()
        local payload = ("x"):rep(300000)
        for _ = 1, CONNECTION_COUNT do
            local peer = open()
            assert.matches("^HTTP/1.1 101 .*\r\nSec%-WebSocket%-Accept: s3pPLMBi", peer.head)
            peer:write(websocket_peer.BINARY, payload)
            assert.is_true(read_message(peer) == payload)
            peer:write_close(1000)
            assert.equal(1000, (peer:read_close()))
            assert.is_nil(peer:read())
        end
    end)

    it("knows its client, and believes no field", function()
        for _ = 1, CONNECTION_COUNT do
            local peer = websocket_peer.open(running:open(), "/who",
                { ["Perigee-Origin"] = "10.0.0.1,1,,,," })
            assert.equal("127.0.0.1", read_message(peer))
        end
    end)

    it("may be one of several protocols that are asked for", function()
        for _ = 1, CONNECTION_COUNT do
            assert.matches("^HTTP/1.1 101 ", open({ Upgrade = "h2c, WebSocket" }).head)
        end
    end)

    it("is none where a body comes or the route is another", function()
        for _ = 1, CONNECTION_COUNT do
            assert.matches("^HTTP/1.1 200 .*\r\n\r\nabc$", running:raw("GET /plain HTTP/1.1\r\n"
                .. "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                .. "Content-Length: 3\r\n\r\nabc", true))
            assert.matches("^HTTP/1.1 200 ", websocket_peer.open(running:open(), "/plain").head)
        end
    end)

    it("is refused as there", function()
        for _ = 1, CONNECTION_COUNT do
            assert.matches("^HTTP/1.1 403 ", open({ Origin = "null" }).head)
            local head = open({ ["Sec-WebSocket-Version"] = "12" }).head
            assert.matches("^HTTP/1.1 426 .*\r\nConnection: Upgrade\r\n", head)
            assert.matches("\r\nUpgrade: websocket\r\n", head)
            local plain = running:get("/echo")
            assert.equal(426, plain.status)
            assert.equal("websocket", plain:header("upgrade"))
            assert.matches("Upgrade", plain:header("connection"))
        end
    end)

    it("ends on both sides when the client is gone without a word", function()
        for _ = 1, CONNECTION_COUNT do
            open():close()
        end
        running:wait_until(function()
            return running:service("service").isolates[1].websockets == 0
        end, "the service has none any more")
    end)

    it("is told 1001 when the host stops", function()
        local peers = {}
        for i = 1, CONNECTION_COUNT do
            peers[i] = open()
        end
        perigee.go(function() running:signal(15) end)
        for _, peer in ipairs(peers) do
            assert.equal(1001, (peer:read_close()))
            peer:write_close(1001)
            assert.is_nil(peer:read())
        end
        assert.equal(0, running:wait())
    end)
end)
