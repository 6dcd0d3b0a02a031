local retry_budget = require "perigee.resilience.retry_budget"

local function fail(budget, times)
    for _ = 1, times do
        budget:fail()
    end
end

describe("a retry budget", function()
    it("allows retries until half of it is gone", function()
        local budget = retry_budget.new()
        fail(budget, 4)
        assert.is_true(budget:allows())
        fail(budget, 1)
        assert.is_false(budget:allows())
        assert.equal(1, budget.refusals)
    end)

    it("recovers by ten successes for a failure", function()
        local budget = retry_budget.new()
        fail(budget, 5)
        for _ = 1, 10 do
            budget:succeed()
        end
        assert.is_true(budget:allows())
    end)

    it("has neither debts nor savings", function()
        local budget = retry_budget.new()
        for _ = 1, 1000 do
            budget:succeed()
        end
        assert.equal(10, budget.tokens)
        fail(budget, 1000)
        assert.equal(0, budget.tokens)
        for _ = 1, 52 do
            budget:succeed()
        end
        assert.is_true(budget:allows())
    end)

    it("bounds what retries add to a target that always fails", function()
        local budget, retries = retry_budget.new(), 0
        for _ = 1, 10000 do
            budget:fail()
            for _ = 2, 3 do
                if budget:allows() then
                    retries = retries + 1
                    budget:fail()
                end
            end
        end
        assert.is_true(retries <= 5, tostring(retries))
    end)

    it("adds a tenth at most when every other attempt fails", function()
        local budget, retries, calls = retry_budget.new(), 0, 20000
        for i = 1, calls do
            if i % 2 == 0 then
                budget:succeed()
            else
                budget:fail()
                if budget:allows() then
                    retries = retries + 1
                    budget:succeed()
                end
            end
        end
        assert.is_true(retries < calls / 10, tostring(retries))
    end)

    it("has its own size", function()
        local budget = retry_budget.new { most = 100, gain = 1 }
        fail(budget, 49)
        assert.is_true(budget:allows())
        fail(budget, 1)
        assert.is_false(budget:allows())
        budget:succeed()
        assert.is_true(budget:allows())
        assert.error(function() retry_budget.new { most = 0 } end)
    end)
end)
