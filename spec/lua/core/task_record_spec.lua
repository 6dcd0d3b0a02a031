local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local task_record = require "perigee.core.task_record"

describe("a task of a kind", function()
    local kind, ended
    local run

    before_each(function()
        ended = {}
        run = false
        kind = task_record.kind("work", function(...) return run(...) end,
            function(task, ...)
                ended[#ended + 1] = { task = task, site = task.site, ... }
            end)
    end)

    local function start(fn, ...)
        run = fn
        scheduler.start(kind, ...)
        perigee.sleep(0)
    end

    it("gets two arguments, the name of its kind and its site", function()
        local got
        start(function(...)
            got = { scheduler.current().name, scheduler.current().site, ... }
        end, "here", 1, 2)
        assert.same({ "work", "here", 1, 2 }, got)
        start(function(...)
            got = select("#", ...)
        end, "here", 1)
        assert.equal(1, got)
    end)

    it("tells how it ended, as the last to see it", function()
        start(function() end, "first")
        start(function() error("broken", 0) end, "second")
        assert.equal("first", ended[1].site)
        assert.is_true(ended[1][1])
        assert.equal("second", ended[2].site)
        assert.is_false(ended[2][1])
        assert.equal("broken", ended[2][2])
    end)

    it("is used again when it has ended well, and holds on to nothing", function()
        local held = setmetatable({}, { __mode = "k" })
        local argument = {}
        held[argument] = true
        start(function() return { argument } end, argument, argument)
        local task = ended[1].task
        argument, run, ended = nil, false, {}
        collectgarbage()
        collectgarbage()
        assert.is_nil((next(held)))
        start(function() end, "site")
        assert.is_true(rawequal(task, ended[1].task))
    end)

    it("is used by one at a time", function()
        local running, most = {}, 0
        run = function(number)
            running[scheduler.current()] = number
            perigee.sleep(0)
            assert.equal(number, running[scheduler.current()])
            most = most + 1
        end
        for _ = 1, 2 do
            for i = 1, 300 do
                scheduler.start(kind, "site", i)
            end
            perigee.sleep(0)
            perigee.sleep(0)
            perigee.sleep(0)
        end
        assert.equal(600, most)
        assert.equal(600, #ended)
    end)

    it("is not used again when it has failed", function()
        start(error, "site", "broken")
        start(function() end, "site")
        assert.is_false(rawequal(ended[1].task, ended[2].task))
    end)

    it("is not woken by what the one before it waited for", function()
        local task, wait_id, result
        start(function()
            task = scheduler.current()
            wait_id = task.wait_id
        end, "site")
        start(function()
            result = { scheduler.wait(scheduler.now() + 0.001) }
        end, "site")
        assert.is_true(rawequal(task, ended[1].task))
        assert.is_false(scheduler.wake(task, wait_id, "too late"))
        while not result do
            perigee.sleep(0.001)
        end
        assert.same({ nil, "timeout" }, result)
    end)
end)
