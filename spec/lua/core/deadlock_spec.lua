local context = require "perigee.context"
local deadlock = require "perigee.core.deadlock"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"
local stream = require "perigee.core.stream"
local sync = require "perigee.sync"
local testing = require "perigee.testing"

describe("a deadlock", function()
    local function report_of(run)
        local is_ok, report = pcall(run)
        assert.is_false(is_ok)
        return tostring(report)
    end

    it("D1: fails the spec whose task waits", function()
        assert.matches("^all tasks are asleep %- deadlock!\n\ntask main %[chan receive, ",
            report_of(function() perigee.chan():recv() end))
    end)

    it("D2: names each task, what it waits on, where, and the line that started it", function()
        local done, cancel = context.with_cancel(context.current())
        local held, channel = sync.mutex(), perigee.chan()
        held:lock()
        local waits = {
            ["chan send"] = function() channel:send(1) end,
            ["chan receive"] = function() perigee.chan():recv() end,
            ["select"] = function() perigee.select { { perigee.chan(), "recv" }, { done } } end,
            ["select (no cases)"] = function() perigee.select {} end,
            ["sync.Mutex.Lock"] = function() held:lock() end,
            ["sync.WaitGroup.Wait"] = function() sync.wait_group():add(1):wait() end,
            ["sync.Cond.Wait"] = function()
                local own = sync.mutex()
                own:lock()
                sync.cond(own):wait()
            end,
            ["semaphore acquire"] = function() sync.semaphore(0):acquire() end,
        }
        local report = done:run(function()
            for _, wait in pairs(waits) do
                perigee.go(wait)
            end
            return report_of(function() perigee.go(perigee.select, {}):join() end)
        end)
        for waits_on in pairs(waits) do
            assert.matches(("task %%S*deadlock_spec%%.lua:%%d+ %%[%s, %%d+%%.%%d s%%]\n")
                :format((waits_on:gsub("[%.%(%)]", "%%%0")))
                .. "    at %S*deadlock_spec%.lua:%d+\n    started at %S*deadlock_spec%.lua:%d+",
                report)
        end
        assert.matches("task main %[join, ", report)
        cancel()
    end)

    it("D3: is none while a task can run", function()
        local channel = perigee.chan()
        perigee.go(function()
            for _ = 1, 50 do
                perigee.sleep(0)
            end
            channel:send("late")
        end)
        assert.equal("late", (channel:recv()))
    end)

    it("D4: is none while a timer is set, and one once it has fired", function()
        testing.virtual_clock()
        local fired = false
        perigee.after_func(3600, function() fired = true end)
        local report = report_of(function() perigee.chan():recv() end)
        assert.is_true(fired)
        assert.matches("deadlock!\n\ntask main %[chan receive, 3600%.0 s%]", report)
    end)

    it("D4: is none while a task waits for the world outside", function()
        local ours, descriptor = stream.pair()
        local theirs, channel = assert(stream.adopt(descriptor)), perigee.chan()
        perigee.go(function() channel:send((ours:read())) end)
        scheduler.at(scheduler.now() + 0.002, function() theirs:post("x") end)
        assert.equal("x", (channel:recv()))
        ours:close()
        theirs:close()
    end)

    it("D5: is one although a connection is open, when nobody waits for it", function()
        local ours, descriptor = stream.pair()
        assert.matches("deadlock!", report_of(function() perigee.chan():recv() end))
        ours:close()
        seam.close_descriptor(descriptor)
    end)

    it("D6: of some tasks is none", function()
        local channel = perigee.chan()
        local stuck = perigee.go(channel.recv, channel)
        perigee.sleep(0.001)
        assert.equal("waiting", stuck:state())
        channel:close()
    end)

    it("leaves nothing of the wait that failed", function()
        local a, b = perigee.chan(), perigee.chan()
        report_of(function() perigee.select { { a, "recv" }, { b, "send", 1 } } end)
        report_of(function() a:recv() end)
        assert.is_true(rawequal(a.receivers, a.receivers.next))
        assert.is_true(rawequal(b.senders, b.senders.next))
    end)

    it("is not known where a script awaits what is its own", function()
        local stuck
        local task = perigee.go(perigee.select, { { {
            poll = function() return false end,
            subscribe = function(_, waiter) stuck = waiter end,
            unsubscribe = function() end,
        } } })
        perigee.sleep(0)
        assert.is_nil(deadlock.find(function(one) return one == task end))
        task:cancel()
        assert.is_truthy(stuck)
    end)

    it("shows a bounded number of tasks and counts the others", function()
        local channel = perigee.chan()
        for _ = 1, 30 do
            perigee.go(channel.recv, channel)
        end
        local report = report_of(function() channel:recv() end)
        assert.equal(20, select(2, report:gsub("\ntask ", "")))
        assert.matches("\nand 1%d more$", report)
        channel:close()
        perigee.sleep(0)
    end)
end)
