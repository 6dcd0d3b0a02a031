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
        refuse({ orders = { grants = { netwrk = {} } } },
            "^services%.orders%.grants%.netwrk is not a grant: did you mean grants%.network%?$")
        refuse({ orders = { grants = { network = "db" } } },
            "^services%.orders%.grants%.network must be a list of texts, got db$")
        refuse({ orders = { grants = { network = { "db", "10.0.0.0/33" } } } },
            "^services%.orders%.grants%.network%[2%] must be HOST, HOST:PORT, .* got 10.0.0.0/33$")
        refuse({ orders = { grants = { read = { "pictures" } } } },
            "^services%.orders%.grants%.read%[1%] must be the whole path of a folder")
        refuse({ orders = { grants = { environment = { "A-B" } } } },
            "^services%.orders%.grants%.environment%[1%] must be the name of a variable, got A%-B")
        refuse({ orders = { limits = 5 } }, "^services%.orders%.limits must be a table, got 5$")
        refuse({ orders = { limits = { tasks = "many" } } },
            "^services%.orders%.limits%.tasks must be a whole number from 0, got many$")
    end)

    it("gives a service what it is named with, or what all others have", function()
        local policies = { grants = {}, services = {} }
        assert.same({}, policy.of(policies, "other").limits)
        local services = { orders = { limits = { tasks = 1 } }, ["*"] = { limits = { tasks = 2 } } }
        assert.is_true(policy.check(services))
        policies.services = services
        assert.same({ tasks = 1 }, policy.of(policies, "orders").limits)
        assert.same({ tasks = 2 }, policy.of(policies, "other").limits)
    end)

    it("adds the grants of a service to those of all", function()
        local services = { orders = { grants = { network = { "db:5432" } } } }
        assert.is_true(policy.check(services))
        assert.same({ network = { "cache:6379", "db:5432" }, read = {},
            environment = { names = {}, values = {} } },
            policy.of({ grants = { network = { "cache:6379" } }, services = services },
                "orders").grants)
    end)
end)
