local context = require "perigee.context"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local testing = require "perigee.testing"
local timers = require "perigee.core.timers"

describe("testing.explore", function()
    local function failure_of(fn)
        local is_ok, message = pcall(function() testing.explore(50, fn) end)
        assert.is_false(is_ok)
        return tostring(message)
    end

    -- Fails when two tasks run in an order that is possible but not usual.
    local function racy()
        local last
        local a, b = perigee.go(function() last = 1 end), perigee.go(function() last = 2 end)
        a:join()
        b:join()
        assert(last == 2, "the second was not last")
    end

    it("runs a function under so many seeds", function()
        local seeds = {}
        testing.explore(5, function(seed) seeds[#seeds + 1] = seed end)
        assert.same({ 1, 2, 3, 4, 5 }, seeds)
    end)

    it("names the seed of a failure, which fails again", function()
        local message = failure_of(racy)
        assert.matches("^seed %d+: .*the second was not last", message)
        assert.matches("the same again: perigee test %-%-seed %d+ %S*seeds_spec%.lua$", message)
        assert.equal(message:match("^seed %d+"), failure_of(racy):match("^seed %d+"))
    end)

    it("has a virtual clock", function()
        testing.explore(3, function()
            local started = perigee.now()
            perigee.sleep(86400)
            assert.equal(started + 86400, perigee.now())
        end)
        assert.is_false(timers.virtual_now)
    end)

    it("tells of a task that is left, and ends it", function()
        local count = scheduler.live_count()
        local message = failure_of(function()
            local channel = perigee.chan()
            perigee.go(channel.recv, channel)
        end)
        assert.matches("^seed 1: tasks are left behind; .*\n\ntask %S+ %[chan receive, ", message)
        assert.equal(count, scheduler.live_count())
    end)

    it("tells of a timer that is left", function()
        assert.matches("^seed 1: 1 timers are left behind", failure_of(function()
            perigee.after(60)
        end))
        assert.matches("^seed 1: 1 timers are left behind", failure_of(function()
            context.with_timeout(context.current(), 60)
        end))
        assert.equal(0, timers.count())
    end)

    it("tells of a deadlock", function()
        assert.matches("^seed 1: all tasks are asleep %- deadlock!.*task explore %[chan receive",
            failure_of(function() perigee.chan():recv() end))
    end)

    it("leaves the order of tasks as it was", function()
        pcall(testing.explore, 5, error)
        local order = {}
        for i = 1, 8 do
            perigee.go(function() order[i] = #order + 1 end)
        end
        perigee.sleep(0)
        assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, order)
    end)

    it("takes a number and a function", function()
        for _, count in ipairs { 0, "x", -1 } do
            local is_ok, message = pcall(function() testing.explore(count, print) end)
            assert.is_false(is_ok)
            assert.matches("seeds_spec%.lua:%d+: testing%.explore takes a number", message)
        end
    end)
end)
