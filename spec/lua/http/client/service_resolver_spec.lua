local service_resolver = require "perigee.http.client.service_resolver"

describe("perigee.http.client.service_resolver", function()
    after_each(function()
        service_resolver.install(false)
    end)

    it("finds no service while nobody is installed", function()
        assert.same({ nil, "not_found",
            "nobody here knows where services run, so there is no http+service://users" },
            { service_resolver.answer({}, { service = "users" }) })
    end)

    it("hands requests to the one that is installed", function()
        local client, request, told = {}, { service = "users" }, nil
        assert.is_false(service_resolver.install(function(...)
            told = { ... }
            return nil, "refused", "by all", "more"
        end))
        assert.same({ nil, "refused", "by all" }, { service_resolver.answer(client, request) })
        assert.equal(client, told[1])
        assert.equal(request, told[2])
    end)

    it("returns who was installed before", function()
        local function first() end
        service_resolver.install(first)
        assert.equal(first, service_resolver.install(function() end))
    end)
end)
