--- Streaming methods: frames of MessagePack-RPC byte by byte, and the same over HTTP.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local msgpack = require "perigee.rpc.msgpack"
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local stream = require "perigee.core.stream"

local LOGS = [[
local log = require "perigee.log"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local Logs = {}

-- Numbers up to `last`; the final result says how many.
Logs.Count = rpc.stream {
    args = "int", item = "int",
    fn = function(last, call, send)
        for number = 1, last do
            local is_sent, code = send(number)
            if not is_sent then
                log.info("counting ended", { code = code, number = number })
                return nil, "nobody listens"
            end
        end
        return call.method .. " " .. last
    end,
}

Logs.Silent = rpc.stream {
    item = "string",
    fn = function()
    end,
}

Logs.Fail = rpc.stream {
    item = "string",
    fn = function(_, _, send)
        send("first")
        return nil, "no more"
    end,
}

Logs.Wrong = rpc.stream {
    item = "int",
    fn = function(_, _, send)
        send("text")
    end,
}

Logs.Wait = rpc.stream {
    item = "int",
    fn = function(_, _, send)
        send(1)
        local _, reason = perigee.sleep(60)
        log.info("waiting ended", { reason = reason })
    end,
}

-- Several tasks send at once.
Logs.Several = rpc.stream {
    item = "int",
    fn = function(_, _, send)
        local group = perigee.group()
        for number = 1, 8 do
            group:go(send, number)
        end
        group:wait()
    end,
}

local sent = 0
Logs.Flood = rpc.stream {
    item = "string",
    fn = function(_, _, send)
        local text = ("x"):rep(10000)
        while send(text) do
            sent = sent + 1
        end
        log.info("flooding ended")
    end,
}

function Logs.Sent()
    return sent
end

function Logs.Plain(args)
    return args
end

function Logs.Hang()
    local _, reason = perigee.sleep(60)
    log.info("hanging ended", { reason = reason })
    return "late"
end

return { rpc = { Logs = Logs }%s }
]]

local READ_S = 20

for _, workers in ipairs({ 1, 2 }) do
    describe(workers == 1 and "a stream" or "a stream of one replica", function()
        local running, peer, kept

        before_each(function()
            local options = workers == 2 and ", replicas = 1" or ""
            running = host.start({ workers = workers, services = {
                ["logs.lua"] = LOGS:format(options), ["other.lua"] = "return { replicas = 1 }" },
                flags = { "--rpc-pipelined", "8", "--max-unsent", "64KB" } })
            peer, kept = assert(stream.connect(running.rpc)), ""
        end)

        after_each(function()
            peer:close()
            host.stop_all()
        end)

        local function send(...)
            for _, frame in ipairs({ ... }) do
                peer:write(assert(msgpack.encode(frame)))
            end
        end

        -- The next message of the host; nil and a code at the end.
        local function receive()
            while true do
                local value, position = nil, nil
                if kept ~= "" then
                    value, position = msgpack.decode_next(kept, 1)
                end
                if type(position) == "number" then
                    kept = kept:sub(position)
                    return value
                end
                local bytes, code = peer:read(perigee.now() + READ_S)
                if not bytes then
                    return nil, code
                end
                kept = kept .. bytes
            end
        end

        local NULL = json.null

        it("brings items, and its result behind them", function()
            send({ 3, 7, "Logs.Count", { 3 }, 64 })
            for number = 1, 3 do
                assert.same({ 4, 7, number }, receive())
            end
            assert.same({ 1, 7, NULL, "Count 3" }, receive())
        end)

        it("is what a client of Perigee's own asks for", function()
            local client = rpc.dial("tcp://" .. running.rpc)
            local items, sum = assert(client:stream("Logs.Count", 1000)), 0
            for item in items do
                sum = sum + item
            end
            assert.same({ 500500, "Count 1000" }, { sum, (items:result()) })
            items = assert(client:stream("Logs.Fail"))
            assert.equal("first", (items:recv()))
            local _, is_ok, code = items:recv()
            assert.same({ false, "failed" }, { is_ok, code })
            items = assert(client:stream("Logs.Wait"))
            assert.equal(1, (items:recv()))
            items:close()
            running:wait_for_log("waiting ended.*reason=canceled")
            client:close()
        end)

        it("may bring nothing, a failure, or both", function()
            send({ 3, 1, "Logs.Silent", {}, 64 })
            assert.same({ 1, 1, NULL, NULL }, receive())
            send({ 3, 2, "Logs.Fail", {}, 64 })
            assert.same({ 4, 2, "first" }, receive())
            assert.same({ 1, 2, "no more", NULL }, receive())
            send({ 3, 3, "Logs.Wrong", {}, 64 })
            assert.same({ 1, 3, "reply must be an int, got string", NULL }, receive())
            send({ 3, 4, "Logs.Count", { "x" }, 64 })
            assert.same({ 1, 4, "args must be an int, got string", NULL }, receive())
            send({ 3, 5, "Logs.None", {}, 64 })
            assert.same({ 1, 5, "rpc: can't find method Logs.None", NULL }, receive())
        end)

        it("of a plain method is its result", function()
            send({ 3, 1, "Logs.Plain", { "argument" }, 64 })
            assert.same({ 1, 1, NULL, "argument" }, receive())
        end)

        it("brings no more items than there is credit for", function()
            send({ 3, 1, "Logs.Count", { 5 }, 2 })
            assert.same({ 4, 1, 1 }, receive())
            assert.same({ 4, 1, 2 }, receive())
            send({ 0, 2, "Logs.Plain", { "between" } })
            assert.same({ 1, 2, NULL, "between" }, receive())
            send({ 5, 1, 1 })
            assert.same({ 4, 1, 3 }, receive())
            send({ 5, 1, 65536 })
            assert.same({ 4, 1, 4 }, receive())
            assert.same({ 4, 1, 5 }, receive())
            assert.same({ 1, 1, NULL, "Count 5" }, receive())
            send({ 5, 1, 1 }, { 6, 1 }, { 0, 2, "Logs.Plain", { "over" } })
            assert.same({ 1, 2, NULL, "over" }, receive())
        end)

        it("is sent by several tasks at once, none of whose items is lost", function()
            send({ 3, 1, "Logs.Several", {}, 1 })
            local sum = 0
            for _ = 1, 8 do
                sum = sum + receive()[3]
                send({ 5, 1, 1 })
            end
            assert.equal(36, sum)
            assert.same({ 1, 1, NULL, NULL }, receive())
        end)

        it("ends when it is cancelled, and its task with it", function()
            send({ 3, 1, "Logs.Wait", {}, 64 }, { 0, 2, "Logs.Hang", {} })
            assert.same({ 4, 1, 1 }, receive())
            send({ 6, 1 }, { 6, 1 })
            assert.same({ 1, 1, "canceled", NULL }, receive())
            running:wait_for_log("waiting ended.*reason=canceled")
            send({ 6, 2 })
            assert.same({ 1, 2, "canceled", NULL }, receive())
            running:wait_for_log("hanging ended.*reason=canceled")
        end)

        it("ends while its task waits for credit", function()
            send({ 3, 1, "Logs.Count", { 5 }, 1 })
            assert.same({ 4, 1, 1 }, receive())
            send({ 6, 1 })
            assert.same({ 1, 1, "canceled", NULL }, receive())
            -- Between workers a few items may be under way.
            if workers == 1 then
                running:wait_for_log("counting ended.*code=canceled.*number=2")
            end
        end)

        it("ends with its connection", function()
            send({ 3, 1, "Logs.Wait", {}, 64 })
            assert.same({ 4, 1, 1 }, receive())
            peer:close()
            running:wait_for_log("waiting ended.*reason=canceled")
        end)

        for name, frame in pairs({
            ["no credit"] = { 3, 1, "Logs.Count", { 1 }, 0 },
            ["too much credit"] = { 3, 1, "Logs.Count", { 1 }, 65537 },
            ["credit that is none"] = { 3, 1, "Logs.Count", { 1 }, "x" },
            ["an item"] = { 4, 1, 1 },
            ["an answer"] = { 1, 1, NULL, 1 },
            ["a frame of another kind"] = { 7, 1 },
            ["a frame with too few values"] = { 3, 1, "Logs.Count", { 1 } },
        }) do
            it("ends the connection for " .. name, function()
                send({ 0, 9, "Logs.Plain", { "first" } })
                assert.same({ 1, 9, NULL, "first" }, receive())
                send(frame)
                local message, code = receive()
                assert.is_nil(message)
                assert.equal("eof", code)
            end)
        end

        it("ends the connection for a number in use, and credit beyond the bound", function()
            send({ 3, 1, "Logs.Wait", {}, 64 })
            assert.same({ 4, 1, 1 }, receive())
            send({ 3, 1, "Logs.Wait", {}, 64 })
            assert.same({ 1, 1, "canceled", NULL }, receive())
            assert.is_nil((receive()))
            running:wait_for_log("waiting ended.*reason=canceled")
            peer, kept = assert(stream.connect(running.rpc)), ""
            send({ 3, 1, "Logs.Count", { 2 }, 1 })
            assert.same({ 4, 1, 1 }, receive())
            send({ 5, 1, 65537 })
            while receive() do end
        end)

        it("leaves room for other calls on its connection", function()
            for number = 1, 5 do
                send({ 3, number, "Logs.Wait", {}, 64 })
            end
            local items, refusal = 0, nil
            while items < 4 or not refusal do
                local message = receive()
                if message[1] == 4 then
                    items = items + 1
                else
                    refusal = message[3]
                end
            end
            assert.equal("perigee: too many streams on this connection, call again on another",
                refusal)
            send({ 0, 9, "Logs.Plain", { "through" } })
            assert.same({ 1, 9, NULL, "through" }, receive())
        end)

        -- What lies in the sockets and the bounded buffers of both workers is sent, and no more.
        local function expect_standstill()
            local before
            eventually(function()
                local now = running:request({ method = "POST", target = "/rpc/Logs.Sent",
                    fields = { "Content-Type", "application/json" }, body = "" }).body
                local is_still = now == before and tonumber(now) > 0
                before = now
                return is_still
            end, "the method is waited for")
            assert.is_true(tonumber(before) < 3000, before .. " items of 10 KB")
        end

        it("waits for a client that does not read", function()
            send({ 3, 1, "Logs.Flood", {}, 65536 })
            expect_standstill()
        end)

        it("waits for an HTTP client that does not read, and ends with it", function()
            local web = running:open()
            web:write("POST /rpc/Logs.Flood HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                .. "Content-Type: application/json\r\n\r\n")
            expect_standstill()
            web:close()
            running:wait_for_log("flooding ended")
        end)

        it("is a list for who asks for none", function()
            send({ 0, 1, "Logs.Count", { 3 } }, { 0, 2, "Logs.Silent", {} },
                { 0, 3, "Logs.Fail", {} }, { 0, 4, "Logs.Count", { 1001 } })
            local answers = {}
            for _ = 1, 4 do
                local message = receive()
                answers[message[2]] = { message[3], message[4] }
            end
            assert.same({ { NULL, { 1, 2, 3 } }, { NULL, {} }, { "no more", NULL },
                { "perigee: Logs.Count has more than 1000 items: ask for a stream", NULL } },
                answers)
        end)

        local function post(method, body, accept)
            return running:request({ method = "POST", target = "/rpc/" .. method, body = body,
                fields = { "Content-Type", "application/json", "Accept", accept or "*/*" } })
        end

        it("is lines of JSON over HTTP", function()
            local answer = post("Logs.Count", "3")
            assert.equal("application/x-ndjson", answer:header("content-type"))
            assert.equal('1\n2\n3\n{"result":"Count 3"}\n', answer.body)
            answer = post("Logs.Silent", "")
            assert.equal("application/x-ndjson", answer:header("content-type"))
            assert.equal("", answer.body)
            assert.equal('"first"\n{"error":"no more"}\n', post("Logs.Fail", "").body)
            answer = post("Logs.Wrong", "")
            assert.same({ 500, '{"error":"reply must be an int, got string"}' },
                { answer.status, answer.body })
            assert.equal(400, post("Logs.Count", '"x"').status)
        end)

        it("is events over HTTP, for who asks", function()
            local answer = post("Logs.Count", "2", "text/event-stream")
            assert.equal("text/event-stream", answer:header("content-type"))
            assert.equal('data: 1\n\ndata: 2\n\nevent: result\ndata: "Count 2"\n\n', answer.body)
            assert.equal('data: "first"\n\nevent: error\ndata: {"error":"no more"}\n\n',
                post("Logs.Fail", "", "text/event-stream").body)
        end)

        it("ends with its HTTP client", function()
            local web = running:open()
            web:write("POST /rpc/Logs.Wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                .. "Content-Type: application/json\r\n\r\n")
            local text = ""
            while not text:find("1\n", 1, true) do
                text = text .. assert(web:read(perigee.now() + READ_S))
            end
            web:close()
            running:wait_for_log("waiting ended.*reason=canceled")
        end)

        it("is a list in JSON-RPC", function()
            local answer = running:request({ method = "POST", target = "/rpc",
                fields = { "Content-Type", "application/json" },
                body = '{"jsonrpc":"2.0","method":"Logs.Count","params":[2],"id":1}' })
            assert.same({ jsonrpc = "2.0", id = 1, result = { 1, 2 } }, json.decode(answer.body))
        end)
    end)
end
