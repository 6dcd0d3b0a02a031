--- Calls of perigee.rpc.client against a server that the spec plays, byte by byte.
local context = require "perigee.context"
local msgpack = require "perigee.rpc.msgpack"
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local rpc_peer = require "spec.support.rpc_peer"
local stream = require "perigee.core.stream"

local expect, settle, trickle = rpc_peer.expect, rpc_peer.settle, rpc_peer.trickle

-- The request of the call `number`, and answers to it.
local function request(number, args)
    return "\148\0" .. msgpack.encode(number) .. "\163A.B\145" .. msgpack.encode(args)
end

local function answer(number, value)
    return "\148\1" .. msgpack.encode(number) .. "\192" .. msgpack.encode(value)
end

local function failure(number, problem)
    return "\148\1" .. msgpack.encode(number) .. msgpack.encode(problem) .. "\192"
end

-- Starts fn() and returns a table that gets what it returns.
local function start(fn)
    local result = {}
    result.task = perigee.go(function()
        result[1], result[2], result[3], result[4] = fn()
        result.is_over = true
    end)
    return result
end

local function wait(result)
    assert(result.task:join(20))
    return result[1], result[2], result[3], result[4]
end

describe("a call", function()
    local peer, client

    before_each(function()
        peer = rpc_peer.start()
        client = rpc.dial("tcp://10.0.0.1:1234")
    end)

    after_each(function()
        client:close()
        peer:stop()
    end)

    local function call(args, options)
        return start(function()
            return client:call("A.B", args, options)
        end)
    end

    -- A connection with one call in flight, which has been read.
    local function open(options)
        local result = call(1, options)
        local far = peer:accept()
        expect(far, request(1, 1))
        return far, result
    end

    it("connects when it is first needed", function()
        assert.equal(0, peer.dial_count)
        local far, result = open()
        assert.equal("10.0.0.1:1234", peer.place)
        far:post(answer(1, "yes"))
        assert.equal("yes", wait(result))
        assert.equal(1, peer.dial_count)
    end)

    it("takes an answer in whatever pieces it comes", function()
        local bytes = answer(1, { A = { "x", -5, 2 ^ 40, false }, B = ("y"):rep(300) })
            .. failure(2, "no") .. answer(3)
        for size = 1, #bytes do
            local far, first = open()
            local second, third = call(2), call(3)
            expect(far, request(2, 2) .. request(3, 3))
            trickle(far, bytes, size)
            local value = wait(first)
            assert.same({ "x", -5, 2 ^ 40, false }, value.A)
            assert.same({ n = 3, nil, "failed", "no" }, { n = 3, wait(second) })
            assert.same({ n = 2, nil, nil }, { n = 2, wait(third) })
            client:close()
            client = rpc.dial("tcp://10.0.0.1:1234")
        end
    end)

    it("shares a connection, and answers come in any order", function()
        local far, first = open()
        local second, third = call(2), call(3)
        expect(far, request(2, 2) .. request(3, 3))
        far:post(answer(3, "c") .. answer(1, "a"))
        assert.equal("c", wait(third))
        assert.equal("a", wait(first))
        far:post(answer(2, "b"))
        assert.equal("b", wait(second))
        local again = call(4)
        expect(far, request(2, 4)) -- the number that was free last
        far:post(answer(2, "d"))
        assert.equal("d", wait(again))
        assert.equal(1, peer.dial_count)
    end)

    it("leaves with the others of its turn in one write", function()
        local far, first = open()
        local near_post, writes = client.dialler.link.stream.post, 0
        function client.dialler.link.stream.post(self, bytes)
            writes = writes + 1
            return near_post(self, bytes)
        end
        local calls = {}
        for i = 1, 64 do
            calls[i] = call(i)
        end
        settle()
        assert.equal(1, writes)
        for number = 1, 65 do
            far:post(answer(number, number))
        end
        assert.equal(1, wait(first))
        for i = 1, 64 do
            assert.equal(i + 1, wait(calls[i]))
        end
    end)

    it("returns what a server that is no Perigee has for an error", function()
        local far, result = open()
        far:post(failure(1, { message = "bad", code = -32602 }))
        assert.same({ nil, "invalid", "bad", { message = "bad", code = -32602 } },
            { wait(result) })
        result = call(1)
        far:post(failure(1, 17))
        assert.same({ nil, "failed", "the server answered with an error that has no message", 17 },
            { wait(result) })
        for text, code in pairs {
            ["rpc: can't find service Other.Add"] = "not_found",
            ["perigee: the service has too many calls in flight, call again later"] = "unavailable",
            ["perigee: the deadline of the call has passed"] = "timeout",
            ["you may call again"] = "failed",
        } do
            result = call(1)
            far:post(failure(1, text))
            assert.same({ nil, code, text }, { wait(result) })
        end
    end)

    it("fails when the server is gone, wherever its answer was", function()
        local bytes = answer(1, "a longer text")
        for size = 0, #bytes - 1 do
            local far, result = open()
            far:post(bytes:sub(1, size))
            far:close()
            local _, code, detail = wait(result)
            assert.equal("closed", code)
            assert.matches("tcp://10.0.0.1:1234: the server closed the connection", detail, 1, true)
            client.dialler.retry_at = 0
        end
    end)

    it("gets what came before the end", function()
        local far, first = open()
        local second = call(2)
        expect(far, request(2, 2))
        far:post(answer(2, "b"))
        far:close()
        assert.equal("b", wait(second))
        assert.equal("closed", select(2, wait(first)))
    end)

    describe("that a server answers with nonsense", function()
        local deep = ("\145"):rep(200) .. "\192"
        for name, case in pairs {
            ["a call nobody made"] = { answer(2, 1), "invalid", "which nobody made" },
            ["a number that is none"] = { "\148\1\161x\192\1", "invalid", "which nobody made" },
            ["a negative number"] = { answer(-1, 1), "invalid", "which nobody made" },
            ["no number"] = { "\148\1\192\192\1", "invalid", "which nobody made" },
            ["a request"] = { request(1, 1), "invalid", "no answer of MessagePack-RPC" },
            ["three values"] = { "\147\1\1\192", "invalid", "no answer of MessagePack-RPC" },
            ["a plain value"] = { "\1", "invalid", "no answer of MessagePack-RPC" },
            ["an item"] = { "\147\4\1\1", "invalid", "sent an item that nobody asked for" },
            ["a byte MessagePack has not"] = { "\193", "invalid", "what is no answer" },
            ["the same twice"] = { answer(2, 1) .. answer(2, 1), "invalid", "which nobody made" },
            ["a value nested too deep"] = { "\148\1\1\192" .. deep, "invalid", "nested deeper" },
            ["a map with a key that is a list"] = { "\148\1\1\192\129\144\1", "invalid", "no Lua" },
            ["a message too large"] = { "\148\1\1\192\198\127\0\0\0", "too_large", "too large" },
        } do
            it("ends the connection and says why: " .. name, function()
                local far, first = open()
                far:post(case[1])
                local _, code, detail = wait(first)
                assert.equal(case[2], code)
                assert.matches(case[3], detail, 1, true)
                local bytes, reason = far:read(perigee.now() + 20)
                assert.same({ nil, "eof" }, { bytes, reason })
            end)
        end
    end)

    describe("with a time limit", function()
        it("ends, and its late answer is dropped", function()
            local far, result = open({ timeout_s = 0.01 })
            assert.same({ nil, "timeout", "tcp://10.0.0.1:1234 did not answer in time" },
                { wait(result) })
            local other = call(2)
            expect(far, request(2, 2)) -- the number 1 is not used before its answer has come
            assert.equal(1, client:status().abandoned)
            far:post(answer(1, "late") .. answer(2, "b"))
            assert.equal("b", wait(other))
            assert.equal(1, peer.dial_count)
            assert.same({ is_connected = true, waiting = 0, in_flight = 0, abandoned = 0,
                unsent_size = 0, dials = 1, failed_dials = 0, ended = 0, late = 1, refused = 0 },
                client:status())
            other = call(3)
            expect(far, request(2, 3))
            far:post(answer(2, "c"))
            assert.equal("c", wait(other))
        end)

        it("of the client ends as well", function()
            client:close()
            client = rpc.dial("tcp://10.0.0.1:1234", { timeout_s = 0.02 })
            local _, result = open()
            assert.equal("timeout", select(2, wait(result)))
        end)

        it("takes the deadline of the task's context", function()
            local _, first = open()
            local limited = context.with_timeout(context.current(), 0.01)
            local _, code = limited:run(client.call, client, "A.B", 2)
            assert.equal("timeout", code)
            first.task:cancel()
            assert.same({ nil, "canceled", "the call was cancelled" }, { wait(first) })
        end)

        it("tells a server that it is cancelled, when that understands", function()
            client:close()
            client = rpc.dial("tcp://10.0.0.1:1234", { cancel = true })
            local far, result = open()
            result.task:cancel()
            assert.equal("canceled", select(2, wait(result)))
            expect(far, "\146\6\1")
            far:post(failure(1, "canceled"))
            settle()
            result = call(2)
            expect(far, request(1, 2))
            far:post(answer(1, "b"))
            assert.equal("b", wait(result))
        end)

        it("ends a connection that leaves too many unanswered", function()
            client:close()
            client = rpc.dial("tcp://10.0.0.1:1234", { max_calls = 2 })
            local far, result = open({ timeout_s = 0.001 })
            wait(result)
            for i = 2, 3 do
                assert.equal("timeout", select(2, client:call("A.B", i, { timeout_s = 0.001 })))
            end
            expect(far, request(2, 2) .. request(3, 3))
            local bytes, reason = far:read(perigee.now() + 20)
            assert.same({ nil, "eof" }, { bytes, reason })
        end)
    end)

    it("is refused when too many are in flight", function()
        client:close()
        client = rpc.dial("tcp://10.0.0.1:1234", { max_calls = 2 })
        local far, first = open()
        local second = call(2)
        settle()
        assert.same({ nil, "full", "2 calls are in flight" }, { client:call("A.B", 3) })
        assert.equal(1, client:status().refused)
        far:post(answer(1, "a") .. answer(2, "b"))
        assert.equal("a", wait(first))
        assert.equal("b", wait(second))
    end)

    it("is refused while the server reads too little, and goes on later", function()
        client:close()
        client = rpc.dial("tcp://10.0.0.1:1234", { max_unsent = 100 })
        local far, first = open()
        local large = ("x"):rep(1000000)
        local second = call(large)
        settle()
        local _, code, detail = client:call("A.B", 3)
        assert.equal("full", code)
        assert.matches("^the server has not read %d+ bytes that were sent$", detail)
        assert.is_true(client:status().unsent_size > 100)
        expect(far, request(2, large))
        far:post(answer(1, "a") .. answer(2, "b"))
        assert.equal("a", wait(first))
        assert.equal("b", wait(second))
        local third = call(3)
        expect(far, request(2, 3))
        far:post(answer(2, "c"))
        assert.equal("c", wait(third))
    end)

    it("ends with the client", function()
        local far, first = open()
        local second = call(2)
        client:close()
        client:close()
        assert.same({ nil, "closed", "the client is closed" }, { wait(first) })
        assert.same({ nil, "closed", "the client is closed" }, { wait(second) })
        assert.same({ nil, "closed", "the client is closed" }, { client:call("A.B") })
        assert.equal("eof", select(2, far:read(perigee.now() + 20)))
    end)

    it("may be made by a metamethod of another's argument", function()
        local far, first = open()
        local args = setmetatable({}, { __index = function()
            return client:call("A.B", "inner")
        end })
        local outer = call(args, { args = { X = "string" } })
        expect(far, request(2, "inner"))
        far:post(answer(2, "deep"))
        -- The check of the type asks for the field as well as the encoder.
        while not outer.is_over and not far.is_met do
            local bytes = far:read(perigee.now() + 20)
            if bytes:find("inner", 1, true) then
                far:post(answer(2, "deep"))
            else
                assert.equal("\148\0\2\163A.B\145\129\161X\164deep", bytes)
                far.is_met = true
            end
        end
        far:post(answer(1, 1) .. answer(2, 2))
        assert.equal(1, wait(first))
        assert.equal(2, wait(outer))
    end)

    it("cannot be made where no task can wait, and leaves nothing behind there", function()
        local far, first = open()
        local result = start(function()
            return pcall(string.gsub, "x", "x", function()
                return client:call("A.B", 2)
            end)
        end)
        local is_ok, message = wait(result)
        assert.is_false(is_ok)
        assert.matches("below a function of C", message)
        far:post(answer(1, 1))
        assert.equal(1, wait(first))
        assert.equal(0, client.dialler.link.in_flight)
    end)

    it("says what is wrong with it in the line that made it", function()
        local here = "^spec/lua/rpc/client_calls_spec.lua:%d+: "
        for message, fn in pairs {
            ["the method must be text such as Calculator.Add, got nil"] = function()
                client:call(nil, 1)
            end,
            ["a call has no option 'timeout'; there are args, credit, hedge, is_idempotent, key, "
                .. "positional, reply, retries and timeout_s"] = function()
                client:call("A.B", 1, { timeout = 1 })
            end,
            ["key, is_idempotent, retries and hedge are for calls by rpc.service"] = function()
                client:call("A.B", 1, { retries = true })
            end,
            ["retries must be a table, true or false, got 3"] = function()
                client:call("A.B", 1, { retries = 3 })
            end,
            ["timeout_s must be a number above 0, got 0"] = function()
                client:call("A.B", 1, { timeout_s = 0 })
            end,
            ["the type of args: "] = function()
                client:call("A.B", 1, { args = "itn" })
            end,
        } do
            local is_ok, problem = pcall(fn)
            assert.is_false(is_ok)
            assert.matches(here, problem)
            assert.matches(message, problem, 1, true)
        end
    end)

    it("says what cannot be sent", function()
        local far, first = open()
        assert.same({ nil, "invalid", "args holds a function, which MessagePack cannot send" },
            { client:call("A.B", print) })
        local _, code, detail = client:call("A.B", "x", { args = "int" })
        assert.equal("invalid", code)
        assert.matches("^args must be", detail)
        _, code = client:call("A.B", "x", { positional = true })
        assert.equal("invalid", code)
        far:post(answer(1, 1))
        assert.equal(1, wait(first))
    end)

    it("takes a list of params", function()
        local far, first = open()
        local second = call({ 7, 8 }, { positional = true })
        local third = call({}, { positional = true })
        local fourth = call(nil)
        expect(far, "\148\0\2\163A.B\146\7\8" .. "\148\0\3\163A.B\144" .. "\148\0\4\163A.B\144")
        far:post(answer(1, 1) .. answer(2, 2) .. answer(3, 3) .. answer(4, 4))
        assert.same({ 1, 2, 3, 4 }, { wait(first), (wait(second)), (wait(third)),
            (wait(fourth)) })
    end)

    it("leaves nothing behind, however many there are", function()
        local far, first = open()
        far:post(answer(1, 1))
        wait(first)
        local stop = start(function()
            local bytes = far:read()
            while bytes do
                local out = {}
                for number, value in bytes:gmatch("\148%z(.)\163A%.B\145(.)") do
                    out[#out + 1] = "\148\1" .. number .. "\192" .. value
                end
                far:write(table.concat(out))
                bytes = far:read()
            end
        end)
        local function run(count)
            local group = perigee.group()
            for i = 1, 32 do
                group:go(function()
                    for _ = 1, count do
                        assert.equal(i, client:call("A.B", i))
                    end
                end)
            end
            assert(group:wait())
            collectgarbage()
            collectgarbage()
            return collectgarbage("count")
        end
        run(1000)
        local before = run(10)
        assert.is_true(run(5000) - before < 64)
        assert.is_true(client.dialler.link.number_count <= 33)
        local status = client:status()
        assert.same({ 0, 0, 0 }, { status.in_flight, status.abandoned, status.unsent_size })
        client:close()
        wait(stop)
    end)
end)

describe("rpc.dial", function()
    it("says what is wrong in the line that called it", function()
        local here = "^spec/lua/rpc/client_calls_spec.lua:%d+: rpc.dial: "
        for message, arguments in pairs {
            ["the address must be text such as tcp://127.0.0.1:1234, got nil"] = {},
            ["'localhost:1234' is no address; there are tcp://host:port"] = { "localhost:1234" },
            ["'udp://a:1' is no address; there are tcp://host:port, tls://host:port and "] =
                { "udp://a:1" },
            ["there is no option tls.verify; there are ca, "] = { "tls://a:1",
                { tls = { verify = false } } },
            ["tls must be a table, got string"] = { "tls://a:1", { tls = "yes" } },
            ["codec must be gob, json, jsonrpc or msgpack, got xml"] = { "tcp://a:1",
                { codec = "xml" } },
            ["http must be true or a path, got 1"] = { "tcp://a:1", { codec = "gob", http = 1 } },
            ["http is for the codec gob"] = { "tcp://a:1", { http = true } },
            ["max_calls must be a number from 1 up, got 0"] = { "tcp://a:1", { max_calls = 0 } },
            ["there is no option 'timeout'; there are backoff_s, cancel, codec, "] = { "tcp://a:1",
                { timeout = 1 } },
            ["options are a table, got string"] = { "tcp://a:1", "gob" },
        } do
            local is_ok, problem = pcall(function()
                local client = rpc.dial(arguments[1], arguments[2])
                return client
            end)
            assert.is_false(is_ok)
            assert.matches(here, problem)
            assert.matches(message, problem, 1, true)
        end
    end)

    it("tells an address that cannot be connected to", function()
        local client = rpc.dial("tcp://999.0.0.1:1")
        local _, code, detail = client:call("A.B")
        assert.equal("invalid", code)
        assert.matches("cannot connect to tcp://999.0.0.1:1: invalid", detail, 1, true)
        client:close()
    end)

    it("bounds the connections of a service", function()
        local peer = rpc_peer.start()
        local clients, far = {}, {}
        for i = 1, 256 do
            clients[i] = rpc.dial("unix:///x")
            local result = start(function()
                return clients[i]:call("A.B", 1)
            end)
            far[i] = peer:accept()
            far[i]:post(answer(1, 1))
            wait(result)
        end
        assert.equal("unix:/x", peer.place)
        local more = rpc.dial("unix:///x")
        assert.same({ nil, "full", "this service has 256 connections open" }, { more:call("A.B") })
        for i = 1, 256 do
            clients[i]:close()
        end
        more.dialler.retry_at = 0
        local result = start(function()
            return more:call("A.B", 1)
        end)
        peer:accept():post(answer(1, "now"))
        assert.equal("now", wait(result))
        more:close()
        peer:stop()
        assert.is_truthy(stream.connect)
    end)
end)
