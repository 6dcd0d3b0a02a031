local balancing = require "spec.support.balancing"
local throttle = require "perigee.resilience.throttle"

-- `per_s` calls a second from `from` to `to`; is_up(now) says whether the backend answers. Returns
-- how many there were, and how many the backend got.
local function run(made, from, to, per_s, is_up)
    local count, passed = 0, 0
    for i = 0, (to - from) * per_s - 1 do
        local now = from + i / per_s
        count = count + 1
        if made:admit(now) then
            passed = passed + 1
            if is_up(now) then
                made:accept(now)
            else
                made:fail(now)
            end
        end
    end
    return count, passed
end

local function always()
    return true
end

local function never()
    return false
end

describe("throttling", function()
    local made

    before_each(function()
        made = throttle.new { random = balancing.random(3) }
    end)

    it("refuses nothing while the backend answers", function()
        local count, passed = run(made, 0, 30, 100, always)
        assert.equal(count, passed)
        assert.equal(0, made.refusals)
    end)

    it("refuses nothing while a third fails", function()
        local number = 0
        local count, passed = run(made, 0, 30, 100, function()
            number = number + 1
            return number % 3 > 0
        end)
        assert.is_true(passed > 0.97 * count, passed .. " of " .. count)
    end)

    it("refuses nothing of a burst that has no answers yet", function()
        for _ = 1, 1000 do
            assert.is_true(made:admit(1))
        end
        assert.equal(0, made:probability(1))
    end)

    it("says nothing of fewer than 20 calls", function()
        local _, passed = run(made, 0, 1, 20, never)
        assert.equal(20, passed)
        assert.equal(20 / 21, made:probability(1))
    end)

    it("lets few through when nothing is answered", function()
        run(made, 0, 10, 100, never)
        local count, passed = run(made, 10, 40, 100, never)
        assert.is_true(passed < 0.02 * count, passed .. " of " .. count)
        -- And one in a second at least.
        assert.is_true(passed >= 25, tostring(passed))
        local is_admitted, probability = made:admit(40)
        assert.is_false(is_admitted)
        assert.is_true(probability > 0.99)
    end)

    it("lets through half as much again as is answered", function()
        -- The backend answers 30 of 100 calls a second and no more.
        local second, answered = 0, 0
        local function is_up(now)
            if math.floor(now) ~= second then
                second, answered = math.floor(now), 0
            end
            answered = answered + 1
            return answered <= 30
        end
        run(made, 0, 20, 100, is_up)
        local _, passed = run(made, 20, 60, 100, is_up)
        assert.is_true(passed > 40 * 40 and passed < 40 * 50, tostring(passed))
    end)

    it("is over a minute after the backend has recovered", function()
        run(made, 0, 30, 100, never)
        run(made, 30, 90, 100, always)
        local count, passed = run(made, 90, 100, 100, always)
        assert.equal(count, passed)
    end)

    it("lets one through after a second of silence, whatever the chances", function()
        made = throttle.new { random = function() return 1 end }
        run(made, 0, 5, 100, never)
        assert.is_false((made:admit(5)))
        assert.is_true((made:admit(made.passed_at + 1)))
        assert.is_false((made:admit(made.passed_at + 0.5)))
    end)

    it("wants a function for chance", function()
        assert.error_matches(function() throttle.new {} end, "random must be a function .*got nil")
    end)
end)
