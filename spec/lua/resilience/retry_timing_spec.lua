local retry_timing = require "perigee.resilience.retry_timing"

local function least()
    return 1
end

local function most(n)
    return n
end

describe("the delay before a retry", function()
    it("is any time up to a bound that doubles", function()
        for n, bound_s in ipairs { 0.025, 0.075, 0.175, 0.25, 0.25 } do
            assert.equal(0, retry_timing.delay_s(n, least))
            assert.is_true(math.abs(retry_timing.delay_s(n, most) - bound_s) < 1e-9)
        end
    end)
end)

describe("the time of an attempt", function()
    it("is its share of what is left", function()
        assert.equal(0.5, retry_timing.attempt_s(1.5, 3))
        assert.equal(0.7, retry_timing.attempt_s(0.7, 1))
    end)

    it("is long enough to be of use, but never behind the deadline", function()
        assert.equal(0.05, retry_timing.attempt_s(0.06, 3))
        assert.equal(0.02, retry_timing.attempt_s(0.02, 3))
    end)
end)
