--- Answers of all shapes through gateway.proxy: plain ones go back as they are, others are read
-- first, and no connection is used again that may not be.
local base64 = require "perigee.core.base64"
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local hex = require "spec.support.hex"
local host = require "spec.support.host"
local program = require "spec.support.program"

local GATEWAY = [[
    local gateway = require "perigee.gateway"
    return { mount = "/", http = gateway.proxy { service = "raw" } }
]]

describe("answers through gateway.proxy", function()
    local server, raw, front

    setup(function()
        server = etcd.start()
        raw = program.start({ "spec/support/raw_server.py" }, { file = "/usr/bin/python3" })
        eventually(function() return raw.output:find("\n") end, "the server listens")
        server:call("/v3/kv/put", { key = base64.encode("/perigee/raw/a"), value = base64.encode(
            ('{"service":"raw","id":"a","address":"127.0.0.1:%d"}'):format(raw.output)) })
        front = host.start { services = { ["front.lua"] = GATEWAY }, flags = { "--registry",
            server:location(), "--drain-delay", "0" } }
        eventually(function() return front:get("/count").status == 200 end, "it is known")
    end)

    teardown(function()
        host.stop_all()
        raw:kill()
        etcd.stop_all()
    end)

    local function say(bytes, verb)
        return front:get(("/%s/%s"):format(verb or "say", hex.encode(bytes)))
    end

    local function connection_count()
        return tonumber(front:body("/count"))
    end

    it("go back with their fields, and their connection is used again", function()
        local before = connection_count()
        for _ = 1, 10 do
            local answer = say("HTTP/1.1 404 Odd\r\nX-A: b\r\nConnection: keep-alive\r\n"
                .. "set-cookie: c\r\nContent-Length: 5\r\n\r\nhello")
            assert.equal(404, answer.status)
            assert.equal("b", answer:header("x-a"))
            assert.equal("c", answer:header("set-cookie"))
            assert.equal("hello", answer.body)
        end
        assert.equal(before, connection_count())
    end)

    it("that are not plain go back as well, and so is their connection", function()
        local before = connection_count()
        for bytes, expected in pairs({
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] = "abc",
            ["HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"] = "a",
            ["HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"] = "busy",
            ["HTTP/1.1 204 None\r\n\r\n"] = "",
            ["HTTP/1.1 200 OK\r\nConnection: x-own\r\nX-Own: 1\r\nContent-Length: 1\r\n\r\nb"]
                = "b",
        }) do
            local answer = say(bytes)
            assert.equal(expected, answer.body)
            assert.is_nil(answer:header("x-own"))
        end
        assert.equal(before, connection_count())
        local long = ("x"):rep(3000)
        assert.equal(long, say("HTTP/1.1 200 OK\r\n\r\n" .. long, "end").body)
    end)

    it("that are broken are 502, and end their connection", function()
        for _, bytes in ipairs({
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
            "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nab",
            "SMTP\r\n\r\n",
        }) do
            local before = connection_count()
            assert.equal(502, say(bytes).status)
            assert.equal(before + 1, connection_count())
        end
        assert.equal(502, say("HTTP/1.1 200 OK\r\nContent-", "end").status)
    end)

    it("that say so, or have something behind them, are the last of their connection", function()
        for _, bytes in ipairs({
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n",
        }) do
            local before = connection_count()
            assert.equal("ab", say(bytes).body)
            assert.equal(before + 1, connection_count())
        end
    end)

    it("that a kept connection does not give are asked for once more, if that is safe", function()
        local before = connection_count()
        assert.equal(200, front:get("/second").status)
        assert.equal(200, front:get("/second").status)
        assert.equal(before + 2, connection_count())
        local patch = { method = "PATCH", target = "/second" }
        assert.equal(200, front:request(patch).status)
        assert.equal(502, front:request(patch).status)
    end)

    it("of a connection that ended meanwhile are asked for on another", function()
        assert.equal("a", say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "end").body)
        for _ = 1, 5 do
            assert.equal(200, front:get("/count").status)
        end
    end)
end)
