local rolling_sum = require "perigee.resilience.rolling_sum"

describe("a rolling sum", function()
    it("forgets what is older than its window", function()
        local sum = rolling_sum.new(10, 40)
        sum:add(100, 5)
        sum:add(105, 7)
        assert.equal(12, sum:total(109.9))
        assert.equal(7, sum:total(110))
        assert.equal(0, sum:total(115))
    end)

    it("is that of a list of all that was added", function()
        local sum, list, now, state = rolling_sum.new(2, 8), {}, 0, 1
        for _ = 1, 3000 do
            state = state * 48271 % 2147483647
            now = now + state % 500 / 1000
            sum:add(now, state % 9)
            list[#list + 1] = { bucket = math.floor(now / 0.25), n = state % 9 }
            local expected = 0
            for i = math.max(1, #list - 2000), #list do
                if list[i].bucket > math.floor(now / 0.25) - 8 then
                    expected = expected + list[i].n
                end
            end
            assert.equal(expected, sum:total(now))
        end
    end)

    it("may rest for long, and a clock that goes back does no harm", function()
        local sum = rolling_sum.new(10, 40)
        sum:add(1, 3)
        sum:add(1e9, 4)
        assert.equal(4, sum:total(1e9))
        sum:add(1e9 - 5, 2)
        assert.equal(6, sum:total(1e9))
    end)
end)
