--- The client of perigee.rpc against services of a running host.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"

local CALCULATOR = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local waiting = perigee.chan()
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Fail()
    return nil, "no luck"
end

function Calculator.Echo(args)
    return args
end

function Calculator.Slow()
    waiting:recv()
    return "slow"
end

function Calculator.Wake()
    waiting:send(true)
end

Calculator.Empty = rpc.method { args = "any", reply = { Name = "string", Below = "[]int" },
    fn = function() return {} end }

return { rpc = { Calculator = Calculator } }
]]

local CALLERS, CALLS = 64, 50

-- Starts fn(i) as `count` tasks and waits for all.
local function together(count, fn)
    local group = perigee.group()
    for i = 1, count do
        group:go(fn, i)
    end
    assert(group:wait())
end

for _, codec in ipairs { "msgpack", "gob", "jsonrpc", "json" } do
    describe("a client with the codec " .. codec, function()
        local running, client

        before_each(function()
            running = host.start({ services = { ["calculator.lua"] = CALCULATOR } })
            client = rpc.dial("tcp://" .. running.rpc, { codec = codec })
        end)

        after_each(function()
            client:close()
            host.stop_all()
        end)

        it("gets results and errors", function()
            assert.equal(15, client:call("Calculator.Add", { A = 10, B = 5 }))
            assert.same({ "x", "y" }, client:call("Calculator.Echo", { "x", "y" }))
            assert.equal(2 ^ 53 + 1LL, client:call("Calculator.Echo", 2 ^ 53 + 1LL))
            local value, problem, detail = client:call("Calculator.Fail", 1)
            assert.same({ nil, "failed", "no luck" }, { value, problem, detail })
            value, problem, detail = client:call("Calculator.Sub", 1)
            assert.same({ nil, "not_found" }, { value, problem })
            assert.equal(codec == "json" and "Method not found"
                or "rpc: can't find method Calculator.Sub", detail)
        end)

        it("sends args and takes replies of declared types", function()
            local options = { args = "float64", reply = "float64" }
            assert.equal(4, client:call("Calculator.Echo", 4, options))
            local value, problem = client:call("Calculator.Echo", "four", options)
            assert.same({ nil, "invalid" }, { value, problem })
            options = { args = "any", reply = { Name = "string", Below = "[]int" } }
            assert.same({ Name = "", Below = {} }, client:call("Calculator.Empty", 1, options))
        end)

        it("shares one connection between many tasks", function()
            together(CALLERS, function(i)
                for j = 1, CALLS do
                    assert.equal(i + j, client:call("Calculator.Add", { A = i, B = j }))
                end
            end)
        end)

        it("takes answers in whatever order they come", function()
            local slow
            together(2, function(i)
                if i == 1 then
                    slow = client:call("Calculator.Slow", 1)
                else
                    assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
                    assert.is_nil(slow)
                    client:call("Calculator.Wake", 1)
                end
            end)
            assert.equal("slow", slow)
        end)
    end)
end

local COUNTDOWN = [[
local log = require "perigee.log"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local Countdown = {}

Countdown.From = rpc.stream {
    args = "int", item = "int",
    fn = function(first, _, send)
        for number = first, 1, -1 do
            local is_sent, reason = send(number)
            if not is_sent then
                log.info("nobody wants more", { reason = reason })
                return nil, reason
            end
        end
        return "liftoff"
    end,
}

function Countdown.Hang()
    local _, _, reason = perigee.chan():recv()
    log.info("hanging ended", { reason = reason })
end

function Countdown.Plain(args)
    return args
end

return { rpc = { Countdown = Countdown } }
]]

describe("a client of streams", function()
    local running, client

    before_each(function()
        running = host.start({ services = { ["countdown.lua"] = COUNTDOWN } })
        client = rpc.dial("tcp://" .. running.rpc, { cancel = true })
    end)

    after_each(function()
        client:close()
        host.stop_all()
    end)

    it("gets all items in order, and the result", function()
        for _, credit in ipairs { 1, 2, 64 } do
            local expected = 500
            local items = client:stream("Countdown.From", 500, { credit = credit })
            for number in items do
                assert.equal(expected, number)
                expected = expected - 1
            end
            assert.equal(0, expected)
            assert.equal("liftoff", items:result())
        end
    end)

    it("gets those of several streams, and calls between them", function()
        together(8, function()
            local items, sum = client:stream("Countdown.From", 300, { credit = 4 }), 0
            for number in items do
                sum = sum + number
                if number % 50 == 0 then
                    assert.equal(number, client:call("Countdown.Plain", number))
                end
            end
            assert.equal(300 * 301 / 2, sum)
            assert.equal("liftoff", items:result())
        end)
    end)

    it("ends the method's task when it wants no more", function()
        local items = client:stream("Countdown.From", 1000000, { credit = 2 })
        assert.equal(1000000, (items:recv()))
        items:close()
        running:wait_for_log("nobody wants more.*reason=canceled")
        assert.equal(7, client:call("Countdown.Plain", 7))
        assert.equal(0, client.dialler.link.abandoned_count)
    end)

    it("gets the result of a method that has no items", function()
        local items = client:stream("Countdown.Plain", 5)
        assert.same({ nil, false, "closed" }, { items:recv() })
        assert.equal(5, items:result())
        assert.equal(5, #client:call("Countdown.From", 5))
    end)

    it("tells the server of a call that it does not wait for any more", function()
        local _, code = client:call("Countdown.Hang", nil, { timeout_s = 0.05 })
        assert.equal("timeout", code)
        running:wait_for_log("hanging ended.*reason=canceled")
        assert.equal(7, client:call("Countdown.Plain", 7))
    end)
end)

local FRONT = [[
local http = require "perigee.http"
local rpc = require "perigee.rpc"

local client = rpc.dial("tcp://%s")
local app = http.router()

app:get("/sum", function()
    local sum, code, detail = client:call("Calculator.Add", { A = 10, B = 5 })
    return { sum = sum, code = code, detail = detail, version = %d }
end)

return { http = app, mount = "/" }
]]

describe("a service", function()
    after_each(host.stop_all)

    it("calls another host, and its connections end with its version", function()
        local back = host.start({ services = { ["calculator.lua"] = CALCULATOR } })
        local front = host.start({ services = { ["front.lua"] = FRONT:format(back.rpc, 1) } })
        assert.same({ sum = 15, version = 1 }, front:json("/sum"))
        front:write("front.lua", FRONT:format(back.rpc, 2))
        front:wait_until(function()
            return front:json("/sum").version == 2
        end, "the new version answers")
        assert.equal(15, front:json("/sum").sum)
        front:wait_until(function()
            return back:status().workers[1].rpc.connections == 1
        end, "the connection of the old version is closed")
        back:stop()
        assert.equal("refused", front:json("/sum").code)
    end)
end)

describe("a client whose memory is refused", function()
    local running, report

    before_each(function()
        running = host.start({ services = { ["calculator.lua"] = CALCULATOR } })
        report = scheduler.on_failure
        scheduler.on_failure = function() end
    end)

    after_each(function()
        scheduler.on_failure = report
        host.stop_all()
    end)

    local function refused_count()
        return seam.isolate_counters(seam.handle()).refused
    end

    -- Makes a call whose n-th allocation is refused. Returns whether it had so many. There is no
    -- timer meanwhile: the order of timers may be lost where memory is refused.
    local function call_with(client, n)
        local before = refused_count()
        perigee.go(function()
            seam.fail_allocation(n)
            client:call("Calculator.Add", { A = 1, B = n })
        end):join()
        seam.fail_allocation(0)
        return refused_count() > before
    end

    -- Not JSON: lua-cjson loses a buffer when memory is refused.
    for _, codec in ipairs { "msgpack", "gob" } do
        it("fails, and works afterwards: " .. codec, function()
            local count = 0
            for _, is_new in ipairs { true, false } do
                local client, n = nil, 0
                repeat
                    n = n + 1
                    if not client or is_new then
                        client = rpc.dial("tcp://" .. running.rpc, { codec = codec,
                            timeout_s = 0, backoff_s = 0.001, max_backoff_s = 0.001 })
                    end
                    local was_refused = call_with(client, n)
                    eventually(function()
                        return client:call("Calculator.Add", { A = 1, B = n }) == n + 1
                    end, "a call succeeds again")
                    count = count + (was_refused and 1 or 0)
                    if is_new then
                        client:close()
                    end
                until not was_refused
                client:close()
            end
            assert.is_true(count > 5)
        end)
    end
end)
