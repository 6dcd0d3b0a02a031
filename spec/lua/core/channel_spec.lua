local context = require "perigee.context"
local perigee = require "perigee"

local it = require "spec.support.under_seeds"(it, { "C15" })

describe("a channel", function()
    -- Runs fn as a task until it waits or ends.
    local function start(fn, ...)
        local task = perigee.go(fn, ...)
        perigee.sleep(0)
        return task
    end

    it("C1: send waits for a receiver or for room, and raises when it is closed", function()
        local channel = perigee.chan()
        local is_sent = false
        local sender = start(function()
            assert(channel:send("x"))
            is_sent = true
        end)
        assert.is_false(is_sent)
        assert.equal("x", (channel:recv()))
        sender:join()
        assert.is_true(is_sent)
        local roomy = perigee.chan(1)
        assert.is_true(roomy:send(1))
        roomy:close()
        local is_ok, message = pcall(function() roomy:send(2) end)
        assert.is_false(is_ok)
        assert.matches("channel_spec%.lua:%d+: send on closed channel", message)
    end)

    it("C2: recv waits for a value, and after close gives what is left, then nil, false", function()
        local channel = perigee.chan(2)
        channel:send(1)
        channel:send(false)
        channel:close()
        assert.same({ 1, true }, { channel:recv() })
        assert.same({ false, true }, { channel:recv() })
        for _ = 1, 2 do
            local value, is_ok, code = channel:recv()
            assert.is_nil(value)
            assert.is_false(is_ok)
            assert.equal("closed", code)
        end
    end)

    it("C3: close wakes everybody, and raises the second time", function()
        local channel = perigee.chan()
        local woken = 0
        for _ = 1, 3 do
            start(function()
                channel:recv()
                woken = woken + 1
            end)
        end
        channel:close()
        perigee.sleep(0)
        assert.equal(3, woken)
        local is_ok, message = pcall(function() channel:close() end)
        assert.is_false(is_ok)
        assert.matches("channel_spec%.lua:%d+: close of closed channel", message)
    end)

    it("C4: len is what is in it, cap what it has room for", function()
        local channel = perigee.chan(2)
        assert.same({ 0, 2 }, { channel:len(), channel:cap() })
        channel:send(1)
        channel:send(2)
        channel:close()
        assert.same({ 2, 2 }, { channel:len(), channel:cap() })
        channel:recv()
        assert.same({ 1, 2 }, { channel:len(), channel:cap() })
        assert.same({ 0, 0 }, { perigee.chan():len(), perigee.chan():cap() })
    end)

    it("C5: a for loop has a turn for each value, until it is closed and empty", function()
        local channel = perigee.chan(1)
        perigee.go(function()
            for i = 1, 5 do
                channel:send(i)
            end
            channel:close()
        end)
        local values = {}
        for value in channel do
            values[#values + 1] = value
        end
        assert.same({ 1, 2, 3, 4, 5 }, values)
    end)

    it("C6: has no room without a capacity, and refuses one that is none", function()
        assert.equal(0, perigee.chan():cap())
        for _, capacity in ipairs { -1, 0.5, "2", 0 / 0 } do
            local is_ok, message = pcall(function() perigee.chan(capacity) end)
            assert.is_false(is_ok)
            assert.matches("channel_spec%.lua:%d+: perigee%.chan: size out of range", message)
        end
    end)

    it("C7: close gives every receiver that waits nil, false", function()
        local channel = perigee.chan()
        local seen = {}
        for i = 1, 3 do
            start(function() seen[i] = { channel:recv() } end)
        end
        channel:close()
        perigee.sleep(0)
        for i = 1, 3 do
            assert.is_nil(seen[i][1])
            assert.is_false(seen[i][2])
        end
    end)

    it("C8: close raises in every sender that waits, and nobody gets its value", function()
        local channel = perigee.chan(1)
        channel:send("kept")
        local messages = {}
        for i = 1, 2 do
            start(function()
                messages[i] = select(2, pcall(function() channel:send("lost") end))
            end)
        end
        channel:close()
        perigee.sleep(0)
        for i = 1, 2 do
            assert.matches("channel_spec%.lua:%d+: send on closed channel", messages[i])
        end
        assert.equal("kept", (channel:recv()))
        assert.is_nil((channel:recv()))
    end)

    it("C9: serves receivers and senders in order of arrival", function()
        local channel = perigee.chan()
        local order = {}
        for i = 1, 4 do
            start(function() order[i] = channel:recv() end)
        end
        for i = 1, 4 do
            channel:send(i)
        end
        perigee.sleep(0)
        assert.same({ 1, 2, 3, 4 }, order)
        for i = 1, 4 do
            start(function() channel:send(i) end)
        end
        for i = 1, 4 do
            assert.equal(i, (channel:recv()))
        end
    end)

    it("C10: hands a value over itself, and the send returns when it was received", function()
        local channel, value = perigee.chan(), {}
        local log = {}
        local sender = start(function()
            channel:send(value)
            log[#log + 1] = "sent"
        end)
        assert.same({}, log)
        local received = channel:recv()
        log[#log + 1] = "received"
        sender:join()
        assert.is_true(rawequal(value, received))
        assert.same({ "received", "sent" }, log)
    end)

    it("C11: moves the first waiting sender's value into a place that becomes free", function()
        local channel = perigee.chan(2)
        for i = 1, 4 do
            start(function() channel:send(i) end)
        end
        assert.equal(1, (channel:recv()))
        assert.equal(2, channel:len())
        local rest = {}
        for i = 1, 3 do
            rest[i] = channel:recv()
        end
        assert.same({ 2, 3, 4 }, rest)
        assert.equal(0, channel:len())
    end)

    it("C12: gives values out in the order they went in", function()
        local channel, expected = perigee.chan(3), 0
        perigee.go(function()
            for i = 1, 1000 do
                channel:send(i)
                if i % 7 == 0 then
                    perigee.sleep(0)
                end
            end
            channel:close()
        end)
        for value in channel do
            expected = expected + 1
            assert(value == expected)
        end
        assert.equal(1000, expected)
    end)

    it("C13: refuses nil, which means that there is no value", function()
        local is_ok, message = pcall(function() perigee.chan(1):send(nil) end)
        assert.is_false(is_ok)
        assert.matches("channel_spec%.lua:%d+: nil cannot be sent", message)
    end)

    it("C14: the k-th receive comes before the (k + capacity)-th send returns", function()
        local channel, received = perigee.chan(2), 0
        perigee.go(function()
            for k = 1, 50 do
                channel:send(k)
                assert(k - 2 <= received + 1)
            end
            channel:close()
        end)
        for _ in channel do
            received = received + 1
        end
        assert.equal(50, received)
    end)

    it("C15: that nobody refers to is collected, with its values", function()
        local value = {}
        local weak = setmetatable({ value }, { __mode = "v" })
        local channel = perigee.chan(1)
        channel:send(value)
        value, channel = nil, nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.is_nil(weak[1])
    end)

    it("ends waits with the task's context and leaves no waiter behind", function()
        local channel = perigee.chan()
        local limited = context.with_timeout(context.current(), 0.002)
        assert.same({ n = 3, nil, false, "timeout" }, limited:run(function()
            local value, is_ok, code = channel:recv()
            return { n = 3, value, is_ok, code }
        end))
        local cancelled, cancel = context.with_cancel(context.current())
        local result
        local sender = start(function()
            cancelled:run(function() result = { channel:send("never") } end)
        end)
        cancel()
        sender:join()
        assert.same({ nil, "canceled" }, result)
        start(function() channel:send("meant") end)
        assert.equal("meant", (channel:recv()))
    end)

    it("does not take the value of a task that could not wait", function()
        local channel = perigee.chan()
        local is_ok = pcall(string.gsub, "x", "x", function() channel:recv() end)
        assert.is_false(is_ok)
        local receiver = start(function() return (channel:recv()) end)
        channel:send("meant")
        assert.same({ true, "meant" }, { receiver:join() })
        local limited = context.with_timeout(context.current(), 0.001)
        limited:run(function() assert.is_nil((channel:recv())) end)
    end)
end)
