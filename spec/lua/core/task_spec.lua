local context = require "perigee.context"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"

local it = require "spec.support.under_seeds"(it)

describe("perigee.go", function()
    -- Runs fn with another taker of failures, and returns what that took.
    local function failures_of(fn)
        local taken = {}
        local report = scheduler.on_failure
        scheduler.on_failure = function(task, failure, traceback)
            taken[#taken + 1] = { task = task, failure = failure, traceback = traceback }
        end
        local is_ok, reason = pcall(fn)
        scheduler.on_failure = report
        assert(is_ok, reason)
        return taken
    end

    it("passes all arguments and joins all results", function()
        local function echo(...)
            return select("#", ...), ...
        end
        for _, arguments in ipairs { {}, { 1 }, { 1, 2, 3 }, { 1, 2, 3, 4, 5 } } do
            local task = perigee.go(echo, unpack(arguments))
            assert.same({ true, #arguments, unpack(arguments) }, { task:join() })
            assert.same({ true, #arguments, unpack(arguments) }, { task:join() })
        end
        assert.equal(5, select("#", perigee.go(function() return 1, nil, 3, nil end):join()))
    end)

    it("G1: an error ends its task alone, and is logged when nobody joins it", function()
        local taken = failures_of(function()
            perigee.go(error, "boom", 0)
            perigee.sleep(0)
        end)
        assert.equal(1, #taken)
        assert.equal("boom", taken[1].failure)
        assert.matches("task_spec%.lua:%d+$", taken[1].task.site.at)
        assert.matches("task_spec%.lua", taken[1].task.site.traceback)
    end)

    it("gives an error to whoever joins, with its traceback, and then does not log it", function()
        local first, second
        local taken = failures_of(function()
            local task = perigee.go(function()
                perigee.sleep(0)
                error("boom")
            end)
            perigee.go(function() first = { task:join() } end)
            second = { task:join() }
            perigee.sleep(0)
        end)
        assert.same({}, taken)
        assert.is_nil(second[1])
        assert.matches("task_spec%.lua:%d+: boom", second[2])
        assert.matches("stack traceback", second[3])
        assert.same(second, first)
    end)

    it("joins for a limited time, and while the context lasts", function()
        local task = perigee.go(perigee.sleep, 10)
        assert.same({ nil, "timeout" }, { task:join(0.001) })
        local limited = context.with_timeout(context.current(), 0.001)
        assert.same({ nil, "timeout" }, { limited:run(task.join, task) })
        assert.equal("waiting", task:state())
        task:cancel()
        assert.same({ true, nil, "canceled" }, { task:join() })
    end)

    it("cancels: the waits of a task end, and of what it starts from then on", function()
        local results = {}
        local task = perigee.go(function()
            results[1] = { perigee.sleep(10) }
            results[2] = { perigee.sleep(10) }
            perigee.go(function() results[3] = { perigee.sleep(10) } end)
        end)
        perigee.sleep(0)
        assert.is_true(task:cancel())
        task:join()
        perigee.sleep(0)
        assert.same({ { nil, "canceled" }, { nil, "canceled" }, { nil, "canceled" } }, results)
        assert.is_false(task:cancel())
    end)

    it("cancels a task that has another context for a while", function()
        local results = {}
        local task = perigee.go(function()
            local inner = context.with_value(context.current(), "x", 1)
            results[1] = { inner:run(perigee.sleep, 10) }
            results[2] = { perigee.sleep(10) }
        end)
        perigee.sleep(0)
        task:cancel()
        task:join()
        assert.same({ { nil, "canceled" }, { nil, "canceled" } }, results)
    end)

    it("gives a handle that is harmless after the task's end", function()
        local task = perigee.go(function() end)
        assert.matches("task_spec%.lua:%d+$", task.name)
        assert.matches("^task .*task_spec%.lua:%d+ %(ready%)$", tostring(task))
        assert.equal("ready", task:state())
        task:join()
        assert.matches("%(dead%)$", tostring(task))
        assert.is_false(getmetatable(task))
        assert.is_nil(task.no_such_method)
    end)

    it("refuses what is no function, and to join itself", function()
        local is_ok, message = pcall(function() perigee.go("x") end)
        assert.is_false(is_ok)
        assert.matches("task_spec%.lua:%d+: perigee%.go takes a function, got string", message)
        local task
        task = perigee.go(function() task:join() end)
        assert.matches("a task cannot join itself", select(2, task:join()))
    end)

    it("may start very many, each of which costs little", function()
        local channel, count = perigee.chan(), 20000
        local function heap_size()
            collectgarbage()
            collectgarbage()
            return collectgarbage("count") * 1024
        end
        local function start_many()
            local before = heap_size()
            for _ = 1, count do
                perigee.go(channel.recv, channel)
            end
            perigee.sleep(0)
            return (heap_size() - before) / count
        end
        -- What else the process has made meanwhile is in one of the two.
        local size = math.min(start_many(), start_many())
        channel:close()
        perigee.sleep(0)
        assert.is_true(size < 1072, size .. " bytes each")
    end)
end)
