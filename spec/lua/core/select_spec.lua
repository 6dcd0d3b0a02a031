local context = require "perigee.context"
local perigee = require "perigee"
local random = require "perigee.core.random"

local it = require "spec.support.under_seeds"(it, { "S2" })

describe("perigee.select", function()
    local function filled(value)
        local channel = perigee.chan(1)
        channel:send(value)
        return channel
    end

    local function share_of(count, cases, restore)
        local chosen = {}
        for _ = 1, count do
            local number = perigee.select(cases)
            chosen[number] = (chosen[number] or 0) + 1
            restore(number)
        end
        return chosen
    end

    setup(function() random.seed(20) end)

    it("S1: takes its cases as they are written, whatever is chosen", function()
        local order = {}
        local function note(name, value)
            order[#order + 1] = name
            return value
        end
        perigee.select {
            { note("channel 1", filled(1)), "recv" },
            { note("channel 2", perigee.chan()), "send", note("value 2", 2) },
            { note("channel 3", nil), "recv" },
        }
        assert.same({ "channel 1", "channel 2", "value 2", "channel 3" }, order)
    end)

    it("S2: chooses among ready cases, each as likely as the others", function()
        local a, b = filled(1), filled(1)
        local channels = { a, perigee.chan(), b }
        local chosen = share_of(4000, { { a, "recv" }, { channels[2], "recv" }, { b, "recv" } },
            function(number) channels[number]:send(1) end)
        assert.is_nil(chosen[2])
        assert.is_true(chosen[1] > 1850 and chosen[1] < 2150)
        chosen = share_of(4000, { { a, "recv" }, { a, "recv" }, { a, "recv" }, { b, "recv" } },
            function(number) channels[number == 4 and 3 or 1]:send(1) end)
        assert.is_true(chosen[4] > 880 and chosen[4] < 1120)
    end)

    it("S3: takes the default when nothing is ready, and never else", function()
        local channel = perigee.chan(1)
        assert.equal("default", (perigee.select { { channel, "recv" }, default = true }))
        channel:send(1)
        assert.same({ 1, 1, true }, { perigee.select { { channel, "recv" }, default = true } })
        local is_called = false
        perigee.select { { channel, "recv" }, default = function() is_called = true end }
        assert.is_true(is_called)
    end)

    it("S4: waits for the first, and leaves nothing behind at the others", function()
        local a, b, full = perigee.chan(), perigee.chan(), filled("old")
        local result
        local selecting = perigee.go(function()
            result = { perigee.select { { a, "recv" }, { b, "recv" }, { full, "send", "new" } } }
        end)
        perigee.sleep(0)
        b:send("x")
        selecting:join()
        assert.same({ 2, "x", true }, result)
        assert.is_true(rawequal(a.receivers, a.receivers.next))
        assert.is_true(rawequal(full.senders, full.senders.next))
        -- A waiter left at `a` would take this value, and one at `full` would add its own.
        assert.equal("default", (perigee.select { { a, "send", 1 }, default = true }))
        assert.equal("old", (full:recv()))
        assert.equal(0, full:len())
    end)

    it("S4: is woken by one of two that become ready, and the other keeps its value", function()
        local a, b = perigee.chan(1), perigee.chan(1)
        local result
        local selecting = perigee.go(function()
            result = { perigee.select { { a, "recv" }, { b, "recv" } } }
        end)
        perigee.sleep(0)
        b:send("first")
        a:send("second")
        selecting:join()
        assert.same({ 2, "first", true }, result)
        assert.equal("second", (a:recv()))
    end)

    it("S5: a case without a channel is never ready", function()
        local channel = perigee.chan(1)
        local cases = { { nil, "recv" }, { channel, "send", "x" } }
        assert.same({ 2, true }, { perigee.select(cases) })
        cases[2][1] = nil
        assert.equal("default", (perigee.select { cases[1], cases[2], default = true }))
    end)

    it("S6: without cases it waits for ever", function()
        local ended, cancel = context.with_cancel(context.current())
        local result
        local selecting = perigee.go(function()
            ended:run(function() result = { perigee.select {} } end)
        end)
        perigee.sleep(0.002)
        assert.equal("waiting", selecting:state())
        cancel()
        selecting:join()
        assert.same({ nil, "canceled" }, result)
    end)

    it("S7: a closed channel is always ready to be received from", function()
        local channel = perigee.chan()
        channel:close()
        for _ = 1, 2 do
            assert.same({ 1, nil, false }, { perigee.select { { channel, "recv" } } })
        end
        local open = perigee.chan()
        local result
        local selecting = perigee.go(function()
            result = { perigee.select { { open, "recv" } } }
        end)
        perigee.sleep(0)
        open:close()
        selecting:join()
        assert.same({ 1, nil, false }, result)
    end)

    it("S8: sending on a closed channel raises, also with a default and after waiting", function()
        local closed = perigee.chan()
        closed:close()
        for _, default in ipairs { true, false } do
            local is_ok, message = pcall(function()
                perigee.select { { closed, "send", 1 }, default = default }
            end)
            assert.is_false(is_ok)
            assert.matches("select_spec%.lua:%d+: send on closed channel", message)
        end
        local open = perigee.chan()
        local message
        local selecting = perigee.go(function()
            message = select(2, pcall(function() perigee.select { { open, "send", 1 } } end))
        end)
        perigee.sleep(0)
        open:close()
        selecting:join()
        assert.matches("select_spec%.lua:%d+: send on closed channel", message)
    end)

    it("S9: one channel may be in several cases, and a task never meets itself", function()
        local channel = perigee.chan()
        local cases = { { channel, "send", "mine" }, { channel, "recv" } }
        cases.default = true
        assert.equal("default", (perigee.select(cases)))
        cases.default = nil
        local result
        local selecting = perigee.go(function() result = { perigee.select(cases) } end)
        perigee.sleep(0)
        assert.equal("waiting", selecting:state())
        channel:send("yours")
        selecting:join()
        assert.same({ 2, "yours", true }, result)
    end)

    it("S10: ends at its time limit, and when a context does", function()
        local channel = perigee.chan()
        local before = perigee.now()
        assert.same({ "timeout" }, { perigee.select { { channel, "recv" }, timeout = 0.003 } })
        assert.is_true(perigee.now() >= before + 0.003)
        assert.equal(2, (perigee.select { { channel, "recv" }, { perigee.after(0.001), "recv" } }))
        local limited = context.with_timeout(context.background(), 0.002)
        assert.same({ 1, "timeout" }, { perigee.select { { limited }, { channel, "recv" } } })
        assert.equal(1, (perigee.select { { limited:done(), "recv" } }))
        assert.same({ nil, "timeout" }, { limited:run(function()
            return perigee.select { { channel, "recv" }, timeout = 1 }
        end) })
    end)

    it("calls the function of the case it took", function()
        local seen = {}
        perigee.select { { filled("x"), "recv", function(...) seen.recv = { ... } end } }
        perigee.select { { perigee.chan(1), "send", 1, function() seen.send = true end } }
        perigee.select { timeout = 0.001, { nil, "recv" } }
        assert.same({ recv = { "x", true }, send = true }, seen)
    end)

    it("waits for tasks, and for whatever has the three methods", function()
        local task = perigee.go(function()
            perigee.sleep(0.001)
            return "result"
        end)
        assert.same({ 1, true, "result" }, { perigee.select { { task }, timeout = 1 } })
        local waiters, is_ready = {}, false
        local awaitable = {
            poll = function() return is_ready, "value", "more" end,
            subscribe = function(_, waiter) waiters[waiter] = true end,
            unsubscribe = function(_, waiter) waiters[waiter] = nil end,
        }
        perigee.go(function()
            is_ready = true
            perigee.wake(next(waiters))
        end)
        assert.same({ 1, "value", "more" }, { perigee.select { { awaitable } } })
        assert.is_nil(next(waiters))
    end)

    it("may use one table in several tasks at once", function()
        local channel = perigee.chan()
        local cases = { { channel, "recv" } }
        local seen = {}
        for i = 1, 3 do
            perigee.go(function() seen[i] = select(2, perigee.select(cases)) end)
        end
        perigee.sleep(0)
        for i = 1, 3 do
            channel:send(i)
        end
        perigee.sleep(0)
        assert.same({ 1, 2, 3 }, seen)
    end)

    it("takes no memory when its table is used again", function()
        local channel = perigee.chan(1)
        local cases = { { perigee.chan(), "recv" }, { channel, "recv" } }
        local function use()
            for i = 1, 1000 do
                channel:send(i)
                perigee.select(cases)
            end
        end
        use()
        collectgarbage()
        collectgarbage("stop")
        local before = collectgarbage("count")
        use()
        local growth = collectgarbage("count") - before
        collectgarbage("restart")
        -- Traces that are compiled meanwhile are no memory of the select.
        assert.is_true(growth < 40)
    end)

    it("says which case is none", function()
        for _, case in ipairs { { {}, "recv" }, { perigee.chan(), "receive" }, { 1 } } do
            local is_ok, message = pcall(function() perigee.select { case } end)
            assert.is_false(is_ok)
            assert.matches("select_spec%.lua:%d+: case 1 is {", message)
        end
        local is_ok, message = pcall(function() perigee.select { { perigee.chan(), "send" } } end)
        assert.is_false(is_ok)
        assert.matches("select_spec%.lua:%d+: nil cannot be sent", message)
    end)
end)
