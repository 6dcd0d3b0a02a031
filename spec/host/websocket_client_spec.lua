--- WebSockets as a client sees them that others wrote, and the example.
local authority = require "spec.support.authority"
local host = require "spec.support.host"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"
local websocket_peer = require "spec.support.websocket_peer"

local SERVICE = [[
local http = require "perigee.http"

local app = http.router()

local function echo(socket)
    for message, kind in socket:messages() do
        if kind == "text" then
            socket:send(message)
        else
            socket:send_binary(message)
        end
    end
end

app:websocket("/echo", echo)
app:websocket("/deflate", { compression = true }, echo)

return { http = app, mount = "/" }
]]

local CASE_COUNT = 190

describe("a WebSocket", function()
    after_each(host.stop_all)

    -- A client that trusts `certificate`, a file or nil.
    local function run_cases(running, scheme, certificate)
        local address = scheme .. "://" .. running.http
        local client = program.start({ "-u", "spec/support/websocket_cases.py",
            address .. "/echo", address .. "/deflate" },
            { file = "/usr/bin/python3", environment = { SSL_CERT_FILE = certificate } })
        assert.equal(0, client:wait())
        assert.equal("", client.output:match("FAILED[^\n]*") or "")
        assert.equal(CASE_COUNT, select(2, client.output:gsub("ok [^\n]*\n", "")))
    end

    it("does what Autobahn's list asks for", function()
        run_cases(host.start({ services = { ["service.lua"] = SERVICE } }), "ws")
    end)

    it("does the same over TLS", function()
        local root = temporary.new()
        finally(function() root:destroy() end)
        local certificates = authority.new(root)
        local certificate = certificates:make("own", "IP:127.0.0.1")
        run_cases(host.start({ services = { ["service.lua"] = SERVICE },
            flags = certificates:flags("own") }), "wss", certificate)
    end)

    it("is a chat room in the example", function()
        local running = host.start({ directory = "examples" })
        local peers = {}
        for i = 1, 3 do
            peers[i] = websocket_peer.open(running:open(), "/chat/room")
        end
        running:wait_for_body("/chat", "3 in the room")
        peers[1]:write(websocket_peer.TEXT, "hello")
        for i = 1, 3 do
            assert.equal("hello", (select(2, peers[i]:read())))
        end
        peers[2]:write_close(1000)
        assert.equal(1000, (peers[2]:read_close()))
        running:wait_for_body("/chat", "2 in the room")
    end)
end)
