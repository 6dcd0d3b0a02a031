local context = require "perigee.context"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"
local stream = require "perigee.core.stream"
local testing = require "perigee.testing"
local timers = require "perigee.core.timers"

describe("a virtual clock", function()
    it("does an hour of timers in no time, in exact order", function()
        local real = seam.now()
        testing.virtual_clock()
        local started, order = perigee.now(), {}
        for second = 3600, 1, -1 do
            perigee.go(function()
                perigee.sleep(second)
                order[#order + 1] = perigee.now() - started
            end)
        end
        perigee.sleep(3600)
        perigee.sleep(0)
        assert.equal(3600, #order)
        for second = 1, 3600 do
            assert.equal(second, order[second])
        end
        assert.equal(started + 3600, seam.now())
        assert.is_true(started - real < 1.1)
    end)

    it("ends with the spec", function()
        local before = seam.now()
        assert.is_false(timers.virtual_now)
        perigee.sleep(0.002)
        local passed = seam.now() - before
        assert.is_true(passed >= 0.002 and passed < 60)
    end)

    it("fires timers of one deadline in the order they were set", function()
        local clock, order = testing.virtual_clock(), {}
        for i = 1, 10 do
            perigee.after_func(5, function() order[i == 1 and 1 or #order + 1] = i end)
        end
        clock:advance(5)
        assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, order)
    end)

    it("goes on by as much as is asked for, and no further", function()
        local clock, ticks = testing.virtual_clock(), 0
        local ticker = perigee.tick(10)
        local counter = perigee.go(function()
            while ticker.channel:recv() do
                ticks = ticks + 1
            end
        end)
        clock:advance(35)
        assert.equal(3, ticks)
        clock:advance(5)
        assert.equal(4, ticks)
        ticker:stop()
        counter:cancel()
        perigee.sleep(0)
    end)

    it("is the clock of deadlines, after, selects and joins", function()
        testing.virtual_clock()
        local started = perigee.now()
        local limited = context.with_timeout(context.current(), 100)
        assert.equal("timeout", (select(3, limited:run(function()
            return perigee.chan():recv()
        end))))
        assert.equal(started + 100, perigee.now())
        assert.equal(started + 300, (perigee.after(200):recv()))
        assert.equal("timeout", (perigee.select { timeout = 50 }))
        local task = perigee.go(perigee.select, {})
        assert.same({ n = 2, nil, "timeout" }, { n = 2, task:join(50) })
        assert.equal(started + 400, perigee.now())
        task:cancel()
    end)

    it("stands still while a task waits for the world outside", function()
        local clock = testing.virtual_clock()
        local ours, descriptor = stream.pair()
        local theirs = assert(stream.adopt(descriptor))
        local started, is_fired = perigee.now(), false
        perigee.after_func(1, function() is_fired = true end)
        local reader = perigee.go(ours.read, ours)
        perigee.sleep(0)
        -- The kernel's pipe tells the loop, which no timer of this clock wakes.
        theirs:post("x")
        assert.same({ true, "x" }, { reader:join() })
        assert.is_false(is_fired)
        assert.equal(started, perigee.now())
        reader = perigee.go(ours.read, ours)
        clock:advance(1)
        assert.is_true(is_fired)
        theirs:close()
        reader:join()
        ours:close()
    end)

    it("does not wait for those who waited for the world before", function()
        local ours, descriptor = stream.pair()
        local reader = perigee.go(ours.read, ours)
        perigee.sleep(0)
        testing.virtual_clock()
        perigee.sleep(60)
        assert.equal("waiting", reader:state())
        seam.close_descriptor(descriptor)
        reader:join()
        ours:close()
    end)

    local sleeper

    it("drops the timers of a spec that has ended", function()
        local count = timers.count()
        testing.virtual_clock()
        sleeper = perigee.go(perigee.sleep, 1e6)
        perigee.tick(1)
        perigee.sleep(2)
        assert.is_true(timers.count() > count)
    end)

    it("has dropped them, and who sleeps for ever hides no deadlock", function()
        assert.equal(0, timers.count())
        local is_ok, report = pcall(function() perigee.chan():recv() end)
        assert.is_false(is_ok)
        assert.matches("^all tasks are asleep %- deadlock!", tostring(report))
        sleeper:cancel()
        perigee.sleep(0)
    end)

    it("refuses what is no time", function()
        local clock = testing.virtual_clock()
        for _, seconds in ipairs { -1, 0 / 0, "x" } do
            local is_ok, message = pcall(function() clock:advance(seconds) end)
            assert.is_false(is_ok)
            assert.matches("virtual_clock_spec%.lua:%d+: clock:advance takes seconds", message)
        end
    end)

    it("is for specs", function()
        testing.is_in_specs = false
        local is_ok, message = pcall(function() testing.virtual_clock() end)
        testing.is_in_specs = true
        assert.is_false(is_ok)
        assert.matches("clock_spec%.lua:%d+: testing%.virtual_clock works in specs", message)
        assert.equal(seam.now, scheduler.now)
    end)
end)
