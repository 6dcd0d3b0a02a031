local host = require "spec.support.host"

local SERVICES = {
    ["shop.lua"] = [[
        local http = require "perigee.http"
        local app = http.router()
        app:get("/:id", function() return "item" end)
        return { http = app, health = function() return is_well end }
    ]],
    ["idle.lua"] = "return {}",
    ["broken.lua"] = "return nil",
}

local ILL = [[
return { health = function() return false end }
]]

describe("the admin port", function()
    after_each(host.stop_all)

    local function start(services, ...)
        return host.start({ services = services, flags = { ... }, workers = 2 })
    end

    it("says that the host is alive", function()
        local answer, status = start({}):ask("GET", "/healthz")
        assert.equal(200, status)
        assert.same({ status = "ok" }, answer)
    end)

    it("says that the host is ready when every worker serves and every service is well", function()
        local answer, status = start({ ["idle.lua"] = SERVICES["idle.lua"] }):ask("GET", "/readyz")
        assert.equal(200, status)
        assert.equal("ready", answer.status)
    end)

    it("says that it is not ready when a service is ill, and which", function()
        local answer, status = start({ ["ill.lua"] = ILL, ["idle.lua"] = "return {}" })
            :ask("GET", "/readyz")
        assert.equal(503, status)
        assert.equal("not ready", answer.status)
        assert.equal("ill", answer.services[1].service)
    end)

    it("says that it is not ready when health() raises", function()
        local running = start({
            ["ill.lua"] = [[return { health = function() error("no disk") end }]],
        })
        local answer, status = running:ask("GET", "/readyz")
        assert.equal(503, status)
        assert.matches("no disk", answer.services[1].detail)
    end)

    describe("/status", function()
        it("tells who serves what, in order", function()
            local running = start(SERVICES)
            running:body("/shop/1")
            local report = running:status()
            assert.equal(running.directory, report.directory)
            assert.same({ http = running.http, rpc = running.rpc, admin = running.admin },
                report.addresses)
            assert.is_number(report.uptime_s)
            assert.matches("^%d+%.%d+%.%d+$", report.version)
            local names = {}
            for i, service in ipairs(report.services) do
                names[i] = service.name
            end
            assert.same({ "broken", "idle", "shop" }, names)
        end)

        it("tells of a live service its generation, mount, routes and isolates", function()
            local shop = start(SERVICES):service("shop")
            assert.equal("live", shop.state)
            assert.equal(1, shop.generation)
            assert.equal("/shop", shop.mount)
            assert.equal("worker", shop.replicas)
            assert.same({ { method = "GET", pattern = "/:id" } }, shop.routes)
            assert.equal(0, shop.reloads)
            assert.equal(0, shop.failures)
            assert.equal(2, #shop.isolates)
            for slot, isolate in ipairs(shop.isolates) do
                assert.equal(slot, isolate.worker)
                assert.equal(1, isolate.generation)
                assert.is_true(isolate.is_active)
                assert.is_true(isolate.heap_size > 0)
                assert.equal(0, isolate.in_flight)
            end
        end)

        it("tells of a failed service why", function()
            local broken = start(SERVICES):service("broken")
            assert.equal("failed", broken.state)
            assert.is_nil(broken.generation)
            assert.equal(1, broken.failures)
            assert.matches("broken%.lua: a service must return a table", broken.last_error.message)
            assert.is_number(broken.last_error.at)
        end)

        it("tells of the workers their process and what they served", function()
            local running = start(SERVICES)
            for _ = 1, 10 do
                running:body("/shop/1")
            end
            local requests = 0
            local workers = running:status().workers
            assert.equal(2, #workers)
            for slot, worker in ipairs(workers) do
                assert.equal(slot, worker.slot)
                assert.equal("serving", worker.state)
                assert.is_number(worker.pid)
                assert.equal(0, worker.restarts)
                requests = requests + worker.http.requests
            end
            assert.equal(10, requests)
        end)

        it("has empty lists where there is nothing", function()
            local answer = start({ ["idle.lua"] = "return {}" })
            local text = answer:request({ address = answer.admin, target = "/status" }).body
            assert.matches('"routes":%[%]', text)
        end)
    end)

    it("reloads one service, or all", function()
        local running = start(SERVICES)
        local answer, status = running:ask("POST", "/reload/shop")
        assert.equal(200, status)
        assert.same({ service = "shop", generation = 2 }, answer)
        answer, status = running:ask("POST", "/reload")
        assert.equal(200, status)
        assert.equal(3, #answer.services)
        assert.equal("shop", answer.services[3].service)
        assert.equal(3, answer.services[3].generation)
    end)

    it("says why a service could not be reloaded, and which generation stays", function()
        local running = start({ ["shop.lua"] = SERVICES["shop.lua"] }, "--no-watch")
        running:write("shop.lua", "error('closed today')")
        local answer, status = running:ask("POST", "/reload/shop")
        assert.equal(409, status)
        assert.equal(1, answer.generation)
        assert.matches("shop%.lua:1: closed today", answer.error)
        assert.equal("item", running:body("/shop/1"))
    end)

    it("knows no service of another name", function()
        local answer, status = start({}):ask("POST", "/reload/shop")
        assert.equal(404, status)
        assert.matches("'shop'", answer.error)
    end)
end)
