local census = require "perigee.core.census"
local context = require "perigee.context"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local testing = require "perigee.testing"

describe("perigee.core.census", function()
    it("says of a task what it waits on, since when, where, and who started it", function()
        local clock, channel = testing.virtual_clock(), perigee.chan()
        local limited, cancel = context.with_timeout(context.current(), 60)
        local task
        limited:run(function()
            task = perigee.go(function()
                channel:recv()
            end)
        end)
        clock:advance(10)
        local told = census.describe(task)
        assert.matches("census_spec%.lua:14$", told.at)
        assert.matches("census_spec%.lua:%d+$", told.spawned_at)
        assert.equal(told.spawned_at, told.name)
        told.at, told.spawned_at, told.name = nil, nil, nil
        assert.same({ state = "waiting", waits_on = "chan receive", waited_s = 10,
            deadline_s = 50 }, told)
        cancel()
        task:join()
        assert.equal("running", census.describe(scheduler.current()).state)
    end)

    it("finds the tasks of every context", function()
        local found, expected = {}, 0
        local outer, cancel = context.with_cancel(context.background())
        local function start()
            perigee.go(perigee.sleep, 60)
            expected = expected + 1
        end
        outer:run(function()
            start()
            for _ = 1, 3 do
                context.with_value(context.current(), "a", 1):run(start)
            end
        end)
        census.each(function(task) found[#found + 1] = task end, outer)
        assert.equal(expected, #found)
        cancel()
        perigee.sleep(0)
    end)

    it("lists so many as are asked for, those that wait longest first, and counts all", function()
        local clock, channel, tasks = testing.virtual_clock(), perigee.chan(), {}
        for i = 1, 6 do
            tasks[perigee.go(channel.recv, channel)] = true
            clock:advance(i)
        end
        local list, total = census.longest(3, function(task) return tasks[task] end)
        assert.equal(6, total)
        assert.equal(3, #list)
        assert.same({ 21, 20, 18 }, { list[1].waited_s, list[2].waited_s, list[3].waited_s })
        channel:close()
        perigee.sleep(0)
    end)
end)
