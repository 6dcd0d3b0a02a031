--- Connections of perigee.rpc.client: made when they are needed, and made again with care.
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local rpc_peer = require "spec.support.rpc_peer"
local scheduler = require "perigee.core.scheduler"

local ADDRESS = "tcp://10.0.0.1:1234"
local REQUEST = "\148\0\1\163A.B\145\1"
local ANSWER = "\148\1\1\192\161a"

describe("a client", function()
    local peer, client

    before_each(function()
        peer = rpc_peer.start()
        client = rpc.dial(ADDRESS)
    end)

    after_each(function()
        client:close()
        peer:stop()
    end)

    local function call_in_task()
        return perigee.go(function()
            return client:call("A.B", 1)
        end)
    end

    -- Makes a connection that has answered once.
    local function open()
        local task = call_in_task()
        local far = peer:accept()
        rpc_peer.expect(far, REQUEST)
        far:post(ANSWER)
        assert.same({ true, "a" }, { task:join(20) })
        return far
    end

    -- How long it will not dial, of the base it has.
    local function wait_s()
        return client.dialler.retry_at - scheduler.now()
    end

    it("dials again at the next call after its connection has ended", function()
        for count = 1, 3 do
            local far = open()
            assert.equal(count, peer.dial_count)
            far:close()
            rpc_peer.settle()
            assert.is_false(client.dialler.link)
        end
        assert.equal(3, peer.dial_count)
    end)

    it("never sends a call again by itself", function()
        local far = open()
        local task = call_in_task()
        rpc_peer.expect(far, REQUEST)
        far:close()
        assert.equal("closed", select(3, task:join(20)))
        far = open() -- which expects one request only
        rpc_peer.settle()
        assert.equal("", far.rest)
    end)

    it("makes one connection for all that wait for it", function()
        local tasks = {}
        for i = 1, 10 do
            tasks[i] = call_in_task()
        end
        local far = peer:accept()
        for number = 1, 10 do
            far:post("\148\1" .. string.char(number) .. "\192\161a")
        end
        for i = 1, 10 do
            assert.same({ true, "a" }, { tasks[i]:join(20) })
        end
        assert.equal(1, peer.dial_count)
    end)

    it("leaves a server alone that cannot be reached, longer each time, up to a bound", function()
        peer.failure = "refused"
        local base_s = 1
        for count = 1, 15 do
            local _, code, detail = client:call("A.B", 1)
            assert.equal("refused", code)
            assert.equal("cannot connect to " .. ADDRESS .. ": refused", detail)
            assert.is_true(wait_s() <= base_s * 1.2 and wait_s() > base_s * 0.8 - 1)
            _, code, detail = client:call("A.B", 1)
            assert.equal("refused", code)
            assert.matches("refused; the next attempt is in %d+%.%d s$", detail)
            assert.equal(count, peer.dial_count)
            client.dialler.retry_at = scheduler.now()
            base_s = math.min(120, base_s * 1.6)
        end
        peer.failure = nil
        open():close()
        rpc_peer.settle()
        assert.equal(0, client.dialler.fruitless_count)
        open()
    end)

    it("comes back at other times than its neighbours", function()
        peer.failure = "refused"
        local least, most = math.huge, 0
        for _ = 1, 200 do
            local other = rpc.dial(ADDRESS, { backoff_s = 1000, max_backoff_s = 1000 })
            other:call("A.B", 1)
            local delay_s = other.dialler.retry_at - scheduler.now()
            least, most = math.min(least, delay_s), math.max(most, delay_s)
            other:close()
        end
        assert.is_true(least >= 799 and least < 850)
        assert.is_true(most <= 1200 and most > 1150)
    end)

    it("leaves a server alone that ends connections before it has answered", function()
        local task = call_in_task()
        peer:accept():close()
        assert.equal("closed", select(3, task:join(20)))
        assert.equal("closed", select(2, client:call("A.B", 1)))
        assert.equal(1, peer.dial_count)
        assert.is_true(wait_s() > 0)
    end)

    it("does not wait longer than the call has time", function()
        local stream = require "perigee.core.stream"
        local connect = stream.connect
        local gate = perigee.chan()
        function stream.connect(...)
            gate:recv()
            return connect(...)
        end
        local _, code, detail = client:call("A.B", 1, { timeout_s = 0.01 })
        assert.same({ "timeout", "no connection to " .. ADDRESS .. " in time" }, { code, detail })
        local task = call_in_task()
        gate:send(true) -- the dial goes on for others
        peer:accept():post(ANSWER)
        assert.same({ true, "a" }, { task:join(20) })
        stream.connect = connect
    end)

    it("ends calls that wait for a connection when it is closed", function()
        local stream = require "perigee.core.stream"
        local connect = stream.connect
        local gate, asked = perigee.chan(), perigee.chan(1)
        function stream.connect(...)
            asked:send(true)
            gate:recv()
            return connect(...)
        end
        local task = call_in_task()
        asked:recv()
        client:close()
        gate:send(true)
        assert.same({ "closed", "the client is closed" }, { select(3, task:join(20)) })
        assert.equal("eof", select(2, peer:accept():read(perigee.now() + 20)))
        stream.connect = connect
    end)

    it("bounds how many calls wait for a connection", function()
        client:close()
        client = rpc.dial(ADDRESS, { max_calls = 2 })
        local tasks = { call_in_task(), call_in_task(), call_in_task() }
        assert.same({ true, nil, "full", "2 calls wait for a connection" },
            { tasks[3]:join(20) })
        local far = peer:accept()
        far:post(ANSWER .. "\148\1\2\192\161b")
        assert.same({ true, "a" }, { tasks[1]:join(20) })
        assert.same({ true, "b" }, { tasks[2]:join(20) })
    end)
end)

describe("DialHTTP", function()
    local peer, client

    before_each(function()
        peer = rpc_peer.start()
        client = rpc.dial(ADDRESS, { codec = "gob", http = "/path", connect_timeout_s = 1 })
    end)

    after_each(function()
        client:close()
        peer:stop()
    end)

    local function dial(head, size)
        local task = perigee.go(function()
            return client:call("A.B", 1)
        end)
        local far = peer:accept()
        rpc_peer.expect(far, "CONNECT /path HTTP/1.0\n\n")
        if head then
            rpc_peer.trickle(far, head, size or #head)
        end
        return task, far
    end

    it("takes the answer in whatever pieces it comes, and then speaks gob", function()
        for _, head in ipairs { "HTTP/1.0 200 Connected to Go RPC\n\n",
            "HTTP/1.1 200 Connected to Go RPC\r\nContent-Length: 0\r\n\r\n" } do
            for size = 1, #head do
                local _, far = dial(head, size)
                rpc_peer.expect(far, "\47\255\129\3\1\1\7Request")
                client:close()
                client = rpc.dial(ADDRESS, { codec = "gob", http = "/path" })
            end
        end
    end)

    for name, case in pairs {
        ["another status"] = { "HTTP/1.1 200 OK\r\n\r\n", "refused",
            "CONNECT was answered with '200 OK'" },
        ["no HTTP"] = { "+OK\n\n", "invalid", "the answer to CONNECT is no HTTP" },
        ["more than was asked"] = { "HTTP/1.0 200 Connected to Go RPC\n\nx", "invalid",
            "the server spoke before it was asked" },
        ["a head without end"] = { ("x"):rep(9000), "too_large",
            "the answer to CONNECT is too large" },
    } do
        it("says what is wrong: " .. name, function()
            local task, far = dial(case[1])
            local _, _, code, detail = task:join(20)
            assert.same({ case[2], ADDRESS .. ": " .. case[3] }, { code, detail })
            assert.equal("eof", select(2, far:read(perigee.now() + 20)))
        end)
    end

    it("ends when the server leaves, or says nothing", function()
        local task, far = dial()
        far:close()
        assert.equal("closed", select(3, task:join(20)))
        client:close()
        client = rpc.dial(ADDRESS, { codec = "gob", http = "/path", connect_timeout_s = 0.01 })
        task = dial()
        assert.equal("timeout", select(3, task:join(20)))
    end)
end)
