local event = require "perigee.core.event"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"

describe("perigee.core.scheduler", function()
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

    describe("a task", function()
        it("runs after the ready ones, with its arguments", function()
            local order = {}
            for i = 1, 3 do
                scheduler.spawn(function(a, b, c)
                    order[#order + 1] = a .. b .. c
                end, i, "b", "c")
            end
            assert.same({}, order)
            perigee.sleep(0)
            assert.same({ "1bc", "2bc", "3bc" }, order)
        end)

        it("leaves nothing of itself in the coroutine kept for the next", function()
            local left = setmetatable({}, { __mode = "k" })

            local function run_one()
                local argument = {}
                local fn = function(given)
                    assert(given == argument)
                    return {}
                end
                left[scheduler.spawn(fn, argument)], left[argument], left[fn] = true, true, true
            end

            run_one()
            perigee.sleep(0)
            collectgarbage()
            collectgarbage()
            assert.is_nil((next(left)))
        end)

        it("tells its owner how it ended", function()
            local results
            local task = scheduler.spawn(function() return 1, nil, 3 end)
            scheduler.on_finish(task, function(...)
                results = { n = select("#", ...), ... }
            end)
            perigee.sleep(0)
            assert.is_true(rawequal(task, results[1]))
            assert.is_true(results[2])
            assert.equal("dead", scheduler.state(task))
            assert.same({ 1, nil, 3 }, task.a)
            assert.equal(3, task.b)
        end)

        it("that raises tells its owner the error and a traceback, and no other task", function()
            local ended, others = nil, 0
            scheduler.on_finish(scheduler.spawn(function() error("broken") end), function(_, ...)
                ended = { ... }
            end)
            scheduler.spawn(function() others = others + 1 end)
            perigee.sleep(0)
            assert.is_false(ended[1])
            assert.matches("scheduler_spec%.lua:%d+: broken", ended[2])
            assert.matches("stack traceback:.*scheduler_spec", ended[3])
            assert.equal(1, others)
        end)

        it("that raises without an owner is told as a failure", function()
            local taken = failures_of(function()
                scheduler.spawn(error, { reason = "odd" })
                perigee.sleep(0)
            end)
            assert.equal(1, #taken)
            assert.same({ reason = "odd" }, taken[1].failure)
        end)

        it("may raise from inside pcall and after waiting", function()
            local message
            local task = scheduler.spawn(function()
                pcall(function()
                    perigee.sleep(0.001)
                    error("inner")
                end)
                perigee.sleep(0.001)
                error("outer", 0)
            end)
            scheduler.on_finish(task, function(_, _, failure) message = failure end)
            while not message do
                perigee.sleep(0.001)
            end
            assert.equal("outer", message)
        end)

        it("is counted while it lives", function()
            local before = scheduler.live_count()
            scheduler.spawn(perigee.sleep, 0.001)
            assert.equal(before + 1, scheduler.live_count())
            perigee.sleep(0.005)
            assert.equal(before, scheduler.live_count())
        end)

        it("may be one of very many", function()
            local done = 0
            for _ = 1, 5000 do
                scheduler.spawn(function()
                    perigee.sleep(0)
                    done = done + 1
                end)
            end
            while done < 5000 do
                perigee.sleep(0)
            end
        end)
    end)

    describe("a wait", function()
        it("ends with what it was woken with", function()
            local task, wait_id = scheduler.current(), scheduler.current().wait_id
            scheduler.spawn(function()
                assert(scheduler.wake(task, wait_id, "a", nil, "c"))
            end)
            assert.same({ n = 3, "a", nil, "c" }, { n = 3, scheduler.wait() })
        end)

        it("ends at its deadline", function()
            local before = seam.now()
            local value, code = scheduler.wait(before + 0.005)
            assert.is_nil(value)
            assert.equal("timeout", code)
            assert.is_true(seam.now() >= before + 0.005)
        end)

        it("ends at a deadline that is past", function()
            assert.equal("timeout", (select(2, scheduler.wait(seam.now() - 1))))
        end)

        it("ends though another task is always ready", function()
            local is_over = false
            scheduler.spawn(function()
                while not is_over do
                    perigee.sleep(0)
                end
            end)
            assert.is_true(perigee.sleep(0.001))
            is_over = true
        end)

        it("that is over is not ended again", function()
            local task, wait_id = scheduler.current(), scheduler.current().wait_id
            scheduler.wait(seam.now())
            scheduler.spawn(function()
                assert(not scheduler.wake(task, wait_id, "stale"))
            end)
            assert.equal("timeout", (select(2, scheduler.wait(seam.now() + 0.001))))
        end)

        it("is ended once, though two wake it", function()
            local task, wait_id = scheduler.current(), scheduler.current().wait_id
            local first, second
            scheduler.spawn(function()
                first = scheduler.wake(task, wait_id, 1)
                second = scheduler.wake(task, wait_id, 2)
            end)
            assert.equal(1, (scheduler.wait()))
            assert.is_true(first)
            assert.is_false(second)
        end)

        it("that was woken leaves no timer behind", function()
            local task, wait_id = scheduler.current(), scheduler.current().wait_id
            scheduler.spawn(function() scheduler.wake(task, wait_id, "woken") end)
            assert.equal("woken", (scheduler.wait(seam.now() + 0.002)))
            assert.equal("timeout", (select(2, scheduler.wait(seam.now() + 0.01))))
        end)

        it("below a function of C is an error and leaves nothing behind", function()
            local coroutines = require "perigee.core.script_coroutines"
            local function sleep()
                perigee.sleep(0.002)
            end
            local callbacks = {
                sleep,
                function() perigee.sleep(0) end,
                function() coroutines.wrap(sleep)() end,
                function()
                    coroutines.wrap(function()
                        ("x"):gsub("x", coroutines.wrap(function() end))
                        sleep()
                    end)()
                end,
            }
            for _, callback in ipairs(callbacks) do
                local is_ok, message = pcall(string.gsub, "x", "x", callback)
                assert.is_false(is_ok)
                assert.matches("which is not possible below a function of C", message)
                local before = seam.now()
                perigee.sleep(0.01)
                assert.is_true(seam.now() >= before + 0.01)
            end
            assert.is_true(coroutines.wrap(function() return sleep() == nil end)())
        end)

        it("of a dead task is not ended", function()
            local task = scheduler.spawn(function() end)
            perigee.sleep(0)
            assert.is_false(scheduler.wake(task, task.wait_id))
        end)
    end)

    describe("a timer", function()
        it("calls at its time, in order", function()
            local order = {}
            local now = seam.now()
            scheduler.at(now + 0.003, function() order[#order + 1] = "late" end)
            scheduler.at(now + 0.001, function() order[#order + 1] = "early" end)
            perigee.sleep(0.006)
            assert.same({ "early", "late" }, order)
        end)

        it("that was cancelled does not call", function()
            local is_called = false
            local timer = scheduler.at(seam.now() + 0.001, function() is_called = true end)
            scheduler.cancel_timer(timer)
            perigee.sleep(0.003)
            assert.is_false(is_called)
        end)
    end)

    describe("an event", function()
        it("that nobody waits for goes to the handler of its kind", function()
            local box, descriptor = seam.stream_pair()
            local id = box:id()
            local seen
            local before = scheduler.on_event(event.READABLE, function(of) seen = of end)
            assert.equal("again", (select(2, box:read())))
            seam.close_descriptor(descriptor)
            while not seen do
                perigee.sleep(0)
            end
            scheduler.on_event(event.READABLE, before)
            assert.equal(id, seen)
            box:close()
        end)

        it("can be waited for by one task only", function()
            local box, descriptor = seam.stream_pair()
            local id = box:id()
            scheduler.spawn(scheduler.wait_event, event.READABLE, id, seam.now() + 0.005)
            perigee.sleep(0)
            assert.has_error(function()
                scheduler.wait_event(event.READABLE, id)
            end, "two tasks wait for the same event")
            perigee.sleep(0.01)
            seam.close_descriptor(descriptor)
            box:close()
        end)
    end)

    describe("coroutines for scripts", function()
        local coroutines = require "perigee.core.script_coroutines"

        it("yield and resume as Lua's do", function()
            local thread = coroutines.create(function(a, b)
                local c = coroutines.yield(a + b)
                error("ended with " .. c, 0)
            end)
            assert.same({ true, 3 }, { coroutines.resume(thread, 1, 2) })
            assert.same({ false, "ended with x" }, { coroutines.resume(thread, "x") })
            assert.same({ false, "cannot resume dead coroutine" }, { coroutines.resume(thread) })
            local step = coroutines.wrap(function()
                for i = 1, 3 do
                    coroutines.yield(i)
                end
            end)
            assert.same({ 1, 2, 3 }, { step(), step(), step() })
        end)

        it("may wait inside, however deep", function()
            local function wait_and_say(text)
                perigee.sleep(0.001)
                return text
            end
            local step = coroutines.wrap(function()
                local inner = coroutines.wrap(function()
                    coroutines.yield(wait_and_say("inner"))
                    return wait_and_say("inner end")
                end)
                coroutines.yield(inner())
                coroutines.yield(inner())
                return wait_and_say("outer end")
            end)
            assert.same({ "inner", "inner end", "outer end" }, { step(), step(), step() })
        end)

        it("that wait cannot be resumed by another task", function()
            local thread = coroutines.create(function() perigee.sleep(0.005) return "done" end)
            local result
            perigee.go(function() result = { coroutines.resume(thread) } end)
            perigee.sleep(0.001)
            assert.same({ false, "cannot resume a coroutine that waits" },
                { coroutines.resume(thread) })
            perigee.sleep(0.01)
            assert.same({ true, "done" }, result)
        end)

        it("do not show the task's own, which only the scheduler resumes", function()
            assert.is_nil(coroutines.running())
            assert.is_false(coroutines.isyieldable())
            local thread
            thread = coroutines.create(function()
                return coroutines.running() == thread and coroutines.isyieldable()
            end)
            assert.same({ true, true }, { coroutines.resume(thread) })
        end)

        it("do not yield out of the task", function()
            local is_ok, message = pcall(coroutines.yield, 1)
            assert.is_false(is_ok)
            assert.matches("attempt to yield outside of a coroutine", message)
        end)

        it("hand errors up, through wrap too", function()
            assert.has_error(function()
                coroutines.wrap(function()
                    perigee.sleep(0.001)
                    error("inside", 0)
                end)()
            end, "inside")
        end)
    end)

    it("does not let a call wait outside of a task", function()
        local message
        scheduler.at(seam.now(), function()
            message = select(2, pcall(perigee.sleep, 1))
        end)
        perigee.sleep(0.002)
        assert.matches("this call waits, so it must be made inside a task", message)
    end)
end)
