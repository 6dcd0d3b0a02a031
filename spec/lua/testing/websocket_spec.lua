local http = require "perigee.http"
local perigee = require "perigee"
local testing = require "perigee.testing"

local function echo(socket)
    for message, kind in socket:messages() do
        if kind == "text" then
            socket:send(message)
        else
            socket:send_binary(message)
        end
    end
end

local function message_of(run)
    local is_fine, message = pcall(run)
    assert.is_false(is_fine)
    return message
end

describe("client:websocket of perigee.testing", function()
    -- What `fn` is at "/talk", with these options of the route.
    local function client_of(fn, options)
        local app = http.router()
        app:websocket("/talk", options or {}, fn)
        return testing.client(app)
    end

    local function open(fn, options, client_options)
        return assert(client_of(fn, options):websocket("/talk", client_options))
    end

    it("carries texts and bytes both ways, in order", function()
        local socket = open(echo)
        assert.is_true(socket:send("na\195\175ve"))
        assert.is_true(socket:send_binary("\255"))
        assert.is_true(socket:send(""))
        assert.same({ "na\195\175ve", "text" }, { socket:receive() })
        assert.same({ "\255", "binary" }, { socket:receive() })
        assert.same({ "", "text" }, { socket:receive() })
    end)

    it("is seen by the service as its request", function()
        local asked
        open(function(socket) asked = socket.request end, nil,
            { headers = { ["X-Tag"] = "1" }, query = { a = 2 } })
        assert.equal("/talk", asked.path)
        assert.equal("1", asked:header "x-tag")
        assert.equal("2", asked.query.a)
    end)

    it("ends with 1000 when the function returns, behind what it has sent", function()
        local socket = open(function(served) served:send("bye") end)
        assert.same({ "bye", "text" }, { socket:receive() })
        assert.same({ nil, "closed", 1000 }, { socket:receive() })
        assert.equal(1000, socket.close_code)
        assert.same({ nil, "closed" }, { socket:send("late") })
        assert.same({ nil, "closed" }, { socket:ping() })
    end)

    it("ends with 1011 when it fails, and the client keeps the message", function()
        local client = client_of(function() error("out of luck") end)
        local socket = assert(client:websocket("/talk"))
        assert.same({ nil, "closed", 1011 }, { socket:receive() })
        assert.matches("websocket_spec.lua:%d+: out of luck", client.faults[1])
    end)

    it("tells the service the code and the reason of the client", function()
        local ended = perigee.chan()
        local socket = open(function(served)
            echo(served)
            ended:send({ served.close_code, served.close_reason })
        end)
        socket:send("before")
        assert.is_true(socket:close(4000, "enough"))
        assert.same({ 4000, "enough" }, (ended:recv()))
        assert.same({ nil, "closed" }, { socket:close() })
    end)

    it("takes what was sent before the end first", function()
        local received = perigee.chan(3)
        local gate = perigee.chan()
        local socket = open(function(served)
            gate:recv()
            for message in served:messages() do
                received:send(message)
            end
            received:send(served.close_code)
        end)
        socket:send("one")
        socket:send("two")
        socket:close()
        gate:close()
        assert.same({ "one", "two", 1000 },
            { (received:recv()), (received:recv()), (received:recv()) })
    end)

    it("makes a sender wait while nobody receives", function()
        local sent = 0
        local socket = open(function(served)
            while served:send(tostring(sent + 1)) do
                sent = sent + 1
            end
        end)
        perigee.sleep(0)
        assert.equal(64, sent)
        assert.equal("1", (socket:receive()))
        perigee.sleep(0)
        assert.equal(65, sent)
        socket:close()
        perigee.sleep(0)
        assert.equal(65, sent)
    end)

    it("agrees to a subprotocol", function()
        local function name(served) served:send(served.subprotocol or "none") end
        local options = { protocols = { "v2", "v1" } }
        local socket = open(name, options, { protocols = { "v1", "v2" } })
        assert.equal("v2", socket.subprotocol)
        assert.equal("v2", (socket:receive()))
        assert.is_nil(open(name, options, { protocols = { "v3" } }).subprotocol)
        assert.is_nil(open(name, options).subprotocol)
    end)

    it("ends with 1009 when a message is larger than the route takes", function()
        local socket = open(echo, { max_message = 10 })
        assert.is_true(socket:send("0123456789"))
        assert.equal("0123456789", (socket:receive()))
        socket:send("0123456789a")
        assert.same({ nil, "closed", 1009 }, { socket:receive() })
    end)

    it("can be waited for beside other things, at both ends", function()
        local ticks = perigee.chan(1)
        local socket = open(function(served)
            for _ = 1, 2 do
                perigee.select {
                    { served, function() served:send((served:receive())) end },
                    { ticks, "recv", function(value) served:send(value) end },
                }
            end
        end)
        ticks:send("tick")
        local number = perigee.select { { socket }, timeout = 20 }
        assert.equal(1, number)
        assert.equal("tick", (socket:receive()))
        socket:send("message")
        assert.equal("message", (socket:receive()))
        assert.same({ nil, "closed", 1000 }, { socket:receive() })
    end)

    it("is refused as a client of the host would be", function()
        local client = client_of(echo, { origins = { "https://a.example" } })
        local socket, code, response = client:websocket("/talk",
            { headers = { Origin = "https://b.example" } })
        assert.same({ nil, "refused", 403 }, { socket, code, response.status })
        assert.is_truthy(client:websocket("/talk", { headers = { Origin = "https://a.example" } }))
        socket, code, response = client:websocket("/elsewhere")
        assert.same({ nil, "refused", 404 }, { socket, code, response.status })
        socket, code, response = client:websocket("/talk", { headers = { Upgrade = "h2c" } })
        assert.same({ nil, "refused", 426 }, { socket, code, response.status })
        assert.equal(426, client:get("/talk").status)
    end)

    it("is refused by middleware", function()
        local app = http.router()
        app:websocket("/talk", function()
            return function() return http.error(401, "who are you?") end
        end, echo)
        local _, _, response = testing.client(app):websocket("/talk")
        assert.equal("who are you?", response:json().error)
    end)

    it("ends the wait of a task whose context ends", function()
        local context = require "perigee.context"
        local socket = open(echo)
        local own, cancel = context.with_cancel(context.current())
        local result = perigee.chan(1)
        own:run(function()
            perigee.go(function() result:send({ socket:receive() }) end)
        end)
        perigee.sleep(0)
        cancel()
        assert.same({ nil, "canceled" }, (result:recv()))
    end)

    it("refuses what no frame can carry", function()
        local socket = open(echo)
        for _, bad in ipairs { "\255", "\192\128", "\237\160\128", "\244\144\128\128", "a\195",
            "\224\159\191", "\240\143\191\191", "\128" } do
            assert.matches("websocket_spec.lua:%d+: a text must be UTF%-8",
                message_of(function() socket:send(bad) end))
        end
        for _, good in ipairs { "\194\128", "\224\160\128", "\237\159\191", "\239\191\191",
            "\240\144\128\128", "\244\143\191\191", "a\195\175b\0" } do
            assert.is_true(socket:send(good))
        end
        for _, code in ipairs { 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5 } do
            assert.matches("websocket_spec.lua:%d+: a close code is a number",
                message_of(function() socket:close(code) end))
        end
        assert.matches("a close code",
            message_of(function() socket:close(1000, ("x"):rep(124)) end))
    end)

    it("refuses, in the line of the caller, unknown options and paths no client sends", function()
        local client = client_of(echo)
        assert.matches("websocket_spec%.lua:%d+: body is not a request option "
            .. "%(headers, query, protocols%)$",
            message_of(function() client:websocket("/talk", { body = "x" }) end))
        assert.matches("websocket_spec%.lua:%d+: a path begins with /",
            message_of(function() client:websocket("talk") end))
    end)
end)
