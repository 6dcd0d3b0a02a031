local balancing = require "spec.support.balancing"
local latency_window = require "perigee.resilience.latency_window"

describe("a window of latencies", function()
    local made

    before_each(function()
        made = latency_window.new()
    end)

    local function add(now, ...)
        for _, latency_s in ipairs { ... } do
            made:add(now, latency_s)
        end
    end

    it("says nothing of fewer than 20", function()
        for _ = 1, 19 do
            add(1, 0.1)
        end
        assert.is_nil(made:quantile(1, 0.5))
        add(1, 0.1)
        assert.is_truthy(made:quantile(1, 0.5))
    end)

    it("is a fifth too long at most, and never too short", function()
        local random, list = balancing.random(4), {}
        for i = 1, 5000 do
            list[i] = 0.0005 * 4000 ^ (random(100000) / 100000)
            add(1, list[i])
        end
        table.sort(list)
        for _, quantile in ipairs { 0.01, 0.5, 0.9, 0.95, 0.99, 0.999 } do
            local exact = list[math.ceil(quantile * #list)]
            local found = made:quantile(1, quantile)
            assert.is_true(found >= exact and found <= 1.2 * exact,
                ("%g: %g of %g"):format(quantile, found, exact))
        end
    end)

    it("forgets what is a minute old, and no sooner", function()
        for _ = 1, 100 do
            add(5, 1)
        end
        assert.is_true(made:quantile(59, 0.5) >= 1)
        assert.is_nil(made:quantile(60, 0.5))
        for _ = 1, 100 do
            add(65, 0.001)
        end
        assert.is_true(made:quantile(65, 0.99) < 0.0013)
    end)

    it("takes what is too short and too long for it", function()
        for _ = 1, 10 do
            add(1, 0, 1e-9, 1e9)
        end
        assert.is_true(made:quantile(1, 0.1) < 0.0002)
        assert.is_true(made:quantile(1, 0.99) > 1000)
    end)
end)
