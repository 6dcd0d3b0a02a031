local perigee = require "perigee"

local it = require "spec.support.under_seeds"(it)

describe("a timer", function()
    it("T1: fires at once when its time is past", function()
        for _, seconds in ipairs { 0, -1 } do
            local before = perigee.now()
            assert.is_true(perigee.sleep(seconds))
            assert.is_number((perigee.after(seconds):recv()))
            assert.is_true(perigee.now() < before + 1)
        end
    end)

    it("T2: a ticker needs an interval", function()
        for _, seconds in ipairs { 0, -1, 0 / 0, "x" } do
            local is_ok, message = pcall(function() perigee.tick(seconds) end)
            assert.is_false(is_ok)
            assert.matches("timer_spec%.lua:%d+: non%-positive interval for perigee%.tick", message)
        end
    end)

    it("T3: a ticker's channel holds one tick, and a slow receiver misses the others", function()
        local ticker = perigee.tick(0.002)
        perigee.sleep(0.011)
        assert.equal(1, ticker.channel:len())
        ticker.channel:recv()
        assert.equal(0, ticker.channel:len())
        local first = ticker.channel:recv()
        local second = ticker.channel:recv()
        assert.is_true(second > first)
        ticker:stop()
    end)

    it("T4: stop says whether it kept it from firing, and nothing stale is received", function()
        local timer = perigee.timer(10)
        assert.is_true(timer:stop())
        assert.is_false(timer:stop())
        timer = perigee.timer(0)
        perigee.sleep(0.002)
        assert.equal(1, timer.channel:len())
        assert.is_false(timer:stop())
        assert.equal(0, timer.channel:len())
        assert.is_false(timer:reset(0.001))
        assert.is_number((timer.channel:recv()))
        assert.is_false(timer:reset(10))
        assert.is_true(timer:reset(0.001))
        assert.is_number((timer.channel:recv()))
    end)

    it("T5: stop does not close the channel", function()
        local ticker = perigee.tick(0.001)
        ticker.channel:recv()
        ticker:stop()
        assert.equal("timeout", (perigee.select { { ticker.channel, "recv" }, timeout = 0.005 }))
    end)

    it("T6: after_func runs its function as a task of its own", function()
        local done = perigee.chan()
        perigee.after_func(0.001, function()
            perigee.sleep(0)
            done:send("ran")
        end)
        assert.equal("ran", (done:recv()))
        local is_run = false
        local timer = perigee.after_func(0.001, function() is_run = true end)
        assert.is_true(timer:stop())
        perigee.sleep(0.003)
        assert.is_false(is_run)
    end)

    it("T7: fires in order of its time, whatever order it was made in", function()
        local order = {}
        for _, milliseconds in ipairs { 5, 1, 3, 2, 4 } do
            perigee.after_func(milliseconds / 1000, function()
                order[#order + 1] = milliseconds
            end)
        end
        perigee.sleep(0.01)
        assert.same({ 1, 2, 3, 4, 5 }, order)
    end)

    it("may be one of very many", function()
        local timers = {}
        for i = 1, 20000 do
            timers[i] = perigee.timer(1000 + (i * 7919) % 20000)
        end
        for i = 1, 20000 do
            assert(timers[i]:stop())
        end
    end)
end)
