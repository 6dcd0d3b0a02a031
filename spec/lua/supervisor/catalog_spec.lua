local catalog = require "perigee.supervisor.catalog"

describe("perigee.supervisor.catalog", function()
    local services

    before_each(function()
        services = catalog.new()
    end)

    local function add(name, live)
        local service = services:ensure(name)
        if live then
            live.number = live.number or 1
            live.mount = live.mount or "/" .. name
            live.manifest = { replicas = live.replicas or "worker" }
            service.live = live
        end
        return service
    end

    local function names_of(list)
        local names = {}
        for i, service in ipairs(list) do
            names[i] = service.name
        end
        return names
    end

    local function routes(slot, is_developing)
        local entries = services:routes(slot, function() return 2 end, is_developing)
        table.sort(entries, function(a, b) return a.mount < b.mount end)
        return entries
    end

    it("makes a record once, lists by name and forgets", function()
        local b = add("b")
        assert.equal(b, services:ensure("b"))
        assert.equal(b, services:get("b"))
        add("a")
        add("c", {})
        assert.same({ "a", "b", "c" }, names_of(services:list()))
        assert.same({ "c" }, names_of(services:list(function(service) return service.live end)))
        services:remove("b")
        assert.is_nil(services:get("b"))
    end)

    it("knows who has a mount", function()
        add("a", { mount = "/x" })
        assert.equal("a", services:owner_of("/x").name)
        assert.is_nil(services:owner_of("/x", "a"))
        assert.is_nil(services:owner_of("/y"))
    end)

    it("gives a service that is about to move both its mounts", function()
        local service = add("a", { mount = "/old" })
        service.claimed_mount = "/new"
        assert.equal(service, services:owner_of("/old", "b"))
        assert.equal(service, services:owner_of("/new", "b"))
    end)

    it("routes what runs everywhere to each worker itself", function()
        add("a", { number = 7 })
        for slot = 1, 2 do
            assert.same({
                { mount = "/a", service = "a", kind = "local", generation = 7, slot = 2 },
            }, routes(slot))
        end
    end)

    it("routes what runs once to the worker that has it", function()
        add("a", { replicas = 1 })
        assert.equal("remote", routes(1)[1].kind)
        assert.equal(2, routes(1)[1].slot)
        assert.equal("local", routes(2)[1].kind)
    end)

    it("routes what failed to its usual place, with the reason only while developing", function()
        add("a").last_error = { message = "no" }
        add("b")
        assert.same({ { mount = "/a", service = "a", kind = "failed" } }, routes(1))
        assert.equal("no", routes(1, true)[1].reason)
    end)

    it("routes nothing that failed to a place that is taken", function()
        add("a").last_error = { message = "no" }
        add("b", { mount = "/a" })
        assert.equal(1, #routes(1))
        assert.equal("b", routes(1)[1].service)
    end)
end)
