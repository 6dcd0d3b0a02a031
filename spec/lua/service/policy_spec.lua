local policy = require "perigee.service.policy"

describe("perigee.service.policy", function()
    local function refuse(services, pattern)
        local is_fit, message = policy.check(services)
        assert.is_nil(is_fit)
        assert.matches(pattern, message)
    end

    it("says what is wrong with a table of services", function()
        refuse(5, "^services must be a table of services by name, got 5$")
        refuse({ orders = true }, "^services%.orders must be a table, got true$")
        refuse({ orders = { limit = {} } },
            "^services%.orders has an unknown key 'limit': did you mean 'limits'%?$")
        refuse({ orders = { limits = 5 } }, "^services%.orders%.limits must be a table, got 5$")
        refuse({ orders = { limits = { tasks = "many" } } },
            "^services%.orders%.limits%.tasks must be a whole number from 0, got many$")
    end)

    it("gives a service what it is named with, or what all others have", function()
        local services = { orders = { limits = { tasks = 1 } }, ["*"] = { limits = { tasks = 2 } } }
        assert.is_true(policy.check(services))
        assert.same({ tasks = 1 }, policy.of(services, "orders").limits)
        assert.same({ tasks = 2 }, policy.of(services, "other").limits)
        assert.same({}, policy.of({}, "other").limits)
    end)
end)
