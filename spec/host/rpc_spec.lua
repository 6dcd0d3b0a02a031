--- The RPC port and POST /rpc, driven byte by byte.
local host = require "spec.support.host"
local json = require "perigee.json"
local perigee = require "perigee"
local stream = require "perigee.core.stream"

local CALCULATOR = [[
local log = require "perigee.log"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

rpc.use(function(next)
    return function(args, call)
        if call.method == "Forbidden" then
            return nil, "not for you"
        end
        return next(args, call)
    end
end)

local waiting = perigee.chan()
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Forbidden()
    return true
end

function Calculator.Hang()
    local _, _, reason = waiting:recv()
    log.info("hanging ended", { reason = reason })
end

function Calculator.Wake()
    waiting:send(1)
    return "woken"
end

function Calculator.Coded()
    return nil, rpc.error(7, "seven", { why = "so" })
end

Calculator.Mean = rpc.method {
    args = "[]int", reply = "float64",
    fn = function(numbers)
        return (numbers[1] + numbers[2]) / 2
    end,
}

return { rpc = { Calculator = Calculator } }
]]

local READ_S = 20

describe("the RPC port", function()
    local running

    after_each(host.stop_all)

    local function start(...)
        running = host.start({ services = { ["calculator.lua"] = CALCULATOR }, flags = { ... } })
    end

    local function open()
        return assert(stream.connect(running.rpc))
    end

    -- Reads until `pattern` is there, or the other side has closed.
    local function read(peer, pattern)
        local text = ""
        local deadline = perigee.now() + READ_S
        while not (pattern and text:find(pattern)) do
            local bytes, code = peer:read(deadline)
            if not bytes then
                assert.not_equal("timeout", code, text)
                return text, code
            end
            text = text .. bytes
        end
        return text
    end

    local function say(bytes)
        local peer = open()
        peer:write(bytes)
        local text = read(peer)
        peer:close()
        return text
    end

    it("tells a stranger what it speaks, and closes", function()
        start()
        assert.matches("^perigee: this port speaks Go's net/rpc", say("hello, is it you?"))
        assert.matches("^HTTP/1.1 405 ", say("GET / HTTP/1.1\r\n\r\n"))
    end)

    it("answers out of order, and batches together", function()
        start()
        local peer = open()
        peer:write('{"method":"Calculator.Hang","params":[0],"id":1}\n'
            .. '{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":2}\n')
        assert.equal('{"id":2,"result":3,"error":null}\n', read(peer, "\n"))
        peer:write('[{"jsonrpc":"2.0","method":"Calculator.Wake","id":3},'
            .. '{"jsonrpc":"2.0","method":"Calculator.Add","params":{"A":1,"B":1}}]')
        local text = read(peer, "woken.*\n.*\n")
        assert.matches('{"id":1,"result":true,"error":null}\n', text, 1, true)
        assert.matches('[{"jsonrpc":"2.0","result":"woken","id":3}]\n', text, 1, true)
        peer:close()
    end)

    it("speaks MessagePack-RPC", function()
        start()
        local peer = open()
        peer:write("\x94\x00\x05\xaeCalculator.Add\x91\x82\xa1A\x0a\xa1B\x05")
        assert.equal("\x94\x01\x05\xc0\x0f", read(peer, "\x0f$"))
        peer:write("\x94\x00\xcd\x01\x00\xaeCalculator.Sub\x90")
        assert.matches("rpc: can't find method Calculator.Sub\xc0$", read(peer, "Sub\xc0$"))
        peer:close()
    end)

    it("gives codes and data to who speaks 2.0", function()
        start()
        local peer = open()
        local function ask(method, params)
            peer:write(('{"jsonrpc":"2.0","method":"Calculator.%s","params":%s,"id":1}'):format(
                method, params))
            return json.decode(read(peer, "\n")).error
        end
        assert.same({ code = 7, message = "seven", data = { why = "so" } }, ask("Coded", "[]"))
        assert.same({ code = -32000, message = "not for you" }, ask("Forbidden", "[]"))
        assert.same(-32602, ask("Mean", '["x","y"]').code)
        assert.same({ code = -32601, message = "Method not found",
            data = "rpc: can't find method Calculator.Nothing" }, ask("Nothing", "[]"))
        peer:close()
    end)

    it("runs a call in the task of one that was cancelled as if that was new", function()
        start()
        local hang = '{"method":"Calculator.Hang","params":[0],"id":1}\n'
        local add = '{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":2}\n'
        for _ = 1, 3 do
            local peer = open()
            peer:write(hang .. add)
            read(peer, "\n")
            peer:close()
        end
        running:wait_for_log("hanging ended.*canceled", 3)
        local peer = open()
        peer:write(hang .. add)
        assert.equal('{"id":2,"result":3,"error":null}\n', read(peer, "\n"))
        peer:write('{"method":"Calculator.Wake","params":[0],"id":3}\n')
        assert.matches('{"id":1,"result":true,"error":null}', read(peer, '"id":1.*\n'), 1, true)
        peer:close()
    end)

    it("cancels the calls of a caller that is gone", function()
        start()
        local peer = open()
        peer:write('{"method":"Calculator.Hang","params":[0],"id":1}\n'
            .. '{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":2}\n')
        read(peer, "\n")
        peer:close()
        running:wait_for_log("hanging ended.*canceled")
        running:wait_until(function()
            return running:status().workers[1].rpc.abandoned == 1
        end, "it is counted")
    end)

    it("ends a call at its deadline", function()
        start("--rpc-timeout", "50ms")
        local peer = open()
        peer:write('{"jsonrpc":"2.0","method":"Calculator.Hang","id":1}')
        assert.equal(-32001, json.decode(read(peer, "\n")).error.code)
        running:wait_for_log("hanging ended.*timeout")
        peer:close()
    end)

    it("refuses what a service has no room for", function()
        start("--rpc-calls", "1")
        local peer = open()
        peer:write('{"jsonrpc":"2.0","method":"Calculator.Hang","id":1}'
            .. '{"jsonrpc":"2.0","method":"Calculator.Add","params":{"A":1,"B":1},"id":2}')
        assert.equal(-32002, json.decode(read(peer, "\n")).error.code)
        peer:close()
    end)

    it("closes who sends too much, or half of something for too long", function()
        start("--rpc-message", "1KB", "--rpc-read-timeout", "50ms")
        assert.equal("", say('{"method":"' .. ("x"):rep(2000)))
        assert.matches('"data":"the message is larger than --rpc-message"',
            say('{"jsonrpc":"2.0","method":"' .. ("x"):rep(2000)), 1, true)
        assert.equal("", say('{"method":"Calculator'))
        assert.is_true(running:status().workers[1].rpc.timeouts >= 1)
    end)

    it("answers what runs when the host stops, and refuses what comes then", function()
        start()
        local idle, peer = open(), open()
        peer:write('{"method":"Calculator.Hang","params":[0],"id":1}\n'
            .. '{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":2}\n')
        read(peer, "\n")
        running:signal(15)
        assert.equal("", (read(idle)))
        peer:write('{"method":"Calculator.Add","params":[{"A":1,"B":2}],"id":3}\n')
        assert.matches('"error":"perigee: shutting down', read(peer, "\n"), 1, true)
        idle:close()
        peer:close()
        assert.equal(0, running:wait())
    end)

    describe("over HTTP", function()
        local function post(target, body, content_type)
            return running:request({ method = "POST", target = target, body = body,
                fields = { "Content-Type", content_type or "application/json" } })
        end

        it("is JSON-RPC at /rpc", function()
            start()
            local answer = post("/rpc", '{"jsonrpc":"2.0","method":"Calculator.Add",'
                .. '"params":{"A":10,"B":5},"id":100000000000000000000}')
            assert.equal(200, answer.status)
            assert.equal('{"jsonrpc":"2.0","result":15,"id":100000000000000000000}\n', answer.body)
            assert.equal(204, post("/rpc", '{"jsonrpc":"2.0","method":"Calculator.Add",'
                .. '"params":{"A":10,"B":5}}').status)
            for _, body in ipairs({ "", "{", "x", '{"jsonrpc":"2.0"' }) do
                assert.equal(-32700, json.decode(post("/rpc", body).body).error.code)
            end
            assert.equal(-32600, json.decode(post("/rpc", "{}").body).error.code)
        end)

        it("is plain JSON at /rpc/Service.Method", function()
            start()
            local answer = post("/rpc/Calculator.Add", '{"A":10,"B":5}')
            assert.equal(200, answer.status)
            assert.equal("15", answer.body)
            answer = post("/rpc/Calculator.Forbidden", "")
            assert.equal(422, answer.status)
            assert.equal('{"error":"not for you"}', answer.body)
            assert.equal(404, post("/rpc/Calculator.Sub", "").status)
            assert.equal(404, post("/rpc/Other.Add", "").status)
            assert.equal(400, post("/rpc/Calculator.Add", "{").status)
            assert.equal(415, post("/rpc/Calculator.Add", "{}", "text/plain").status)
            assert.equal(405, running:get("/rpc/Calculator.Add").status)
        end)
    end)
end)
