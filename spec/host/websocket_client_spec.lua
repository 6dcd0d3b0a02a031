--- WebSockets as a client sees them that others wrote, and the example.
local host = require "spec.support.host"
local program = require "spec.support.program"
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

    it("does what Autobahn's list asks for", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local client = program.start({ "-u", "spec/support/websocket_cases.py",
            ("ws://%s/echo"):format(running.http), ("ws://%s/deflate"):format(running.http) },
            { file = "/usr/bin/python3" })
        assert.equal(0, client:wait())
        assert.equal("", client.output:match("FAILED[^\n]*") or "")
        assert.equal(CASE_COUNT, select(2, client.output:gsub("ok [^\n]*\n", "")))
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
