--- WebSockets that live on when their service is replaced.
local host = require "spec.support.host"
local websocket_peer = require "spec.support.websocket_peer"

local TEXT = websocket_peer.TEXT

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"

local app = http.router()
local VERSION = "one"

local function count(socket, state)
    for message in socket:messages() do
        state.count = state.count + 1
        if message == "wait" then
            perigee.select { { perigee.after(0.3), "recv" } }
        end
        socket:send(VERSION .. " " .. state.count .. " " .. message)
    end
    return state
end

app:websocket("/count/:name", { compression = true, protocols = { "p" } }, function(socket)
    return count(socket, { count = 0, name = socket.request.params.name })
end)

app:websocket("/wrong", function(socket)
    socket:receive()
    return print
end)

local function resume(socket, state)
    if state.name == "fails" then
        error("cannot resume")
    end
    socket:send(table.concat({ VERSION, "resumed", state.name, socket.subprotocol or "none",
        socket.request.path, socket.request.params.name }, " "))
    return count(socket, state)
end

return { http = app, mount = "/", resume = resume }
]]

describe("a WebSocket of a service with resume", function()
    local running

    before_each(function()
        running = host.start({ services = { ["service.lua"] = SERVICE } })
    end)

    after_each(host.stop_all)

    local function replace(version)
        running:write("service.lua", (SERVICE:gsub('VERSION = "one"',
            'VERSION = "' .. version .. '"')))
    end

    local function open(target, fields)
        return websocket_peer.open(running:open(), target, fields)
    end

    local function read_text(peer)
        return (select(2, peer:read()))
    end

    it("goes on in every next generation", function()
        local peer = open("/count/a", { ["Sec-WebSocket-Protocol"] = "p" })
        peer:write(TEXT, "x")
        assert.equal("one 1 x", read_text(peer))
        for number, version in ipairs({ "two", "three" }) do
            replace(version)
            assert.equal(version .. " resumed a p /count/a a", read_text(peer))
            peer:write(TEXT, "y")
            assert.equal(("%s %d y"):format(version, number + 1), read_text(peer))
        end
        peer:write_close(1000)
        assert.equal(1000, (peer:read_close()))
        running:wait_until(function()
            local isolates = running:service("service").isolates
            return #isolates == 1 and isolates[1].websockets == 0 and isolates[1].in_flight == 0
        end, "nothing is left")
        assert.equal("", running:log():match("ERROR.*") or "")
    end)

    it("takes what was not received with it, in order", function()
        local peer = open("/count/a")
        peer:write(TEXT, "wait")
        for i = 1, 20 do
            peer:write(TEXT, tostring(i))
        end
        replace("two")
        assert.equal("one 1 wait", read_text(peer))
        local text, count = read_text(peer), 0
        while text ~= "two 21 20" do
            if text ~= "two resumed a none /count/a a" then
                count = count + 1
                assert.matches(("^%%a+ %d %d$"):format(count + 1, count), text)
            end
            text = read_text(peer)
        end
        assert.equal(19, count)
    end)

    it("is closed with 1011 when resume fails, or the state is no plain data", function()
        local first, second = open("/count/fails"), open("/wrong")
        first:write(TEXT, "x")
        assert.equal("one 1 x", read_text(first))
        replace("two")
        assert.equal(1011, (first:read_close()))
        assert.equal(1011, (second:read_close()))
        running:wait_for_log("cannot resume")
        running:wait_for_log("what the WebSocket's function returned")
    end)
end)
