local workers = require "perigee.supervisor.workers"

describe("the workers of a host", function()
    it("give their results in the order of their slots", function()
        assert.same({ { slot = 1, value = "a" }, { slot = 2, code = "closed", detail = "gone" },
            { slot = 3, value = true } },
            workers.in_order({ [3] = { true }, [1] = { "a" }, [2] = { nil, "closed", "gone" } }))
        assert.same({}, workers.in_order({}))
    end)
end)
