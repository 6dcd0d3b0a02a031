--- perigee.metrics in services: what becomes of metrics over reloads, workers and other services.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local metrics = require "spec.support.metrics"

-- GET /NAME runs `line` and answers; `definition` runs when the script is loaded.
local function service(definition, line)
    return ([[
        local http = require "perigee.http"
        local metrics = require "perigee.metrics"
        %s
        local app = http.router()
        app:get("/", function(request) %s return "done" end)
        return { http = app }
    ]]):format(definition, line or "")
end

local COUNTER = 'local taken = metrics.counter("taken_total", "Taken.", { "kind" })'
local COUNT = 'taken:with(request.query.kind or "book"):inc()'
local GAUGE = 'local open = metrics.gauge("open_doors", "Open doors.")'

local function start(services, ...)
    return host.start({ services = services, flags = { ... }, workers = 2 })
end

local function reload(running, name, text)
    running.root:write("services/" .. name .. ".lua", text)
    local generation = running:service(name).generation
    eventually(function()
        return running:service(name).generation == generation + 1
    end, "the next generation is live")
    eventually(function()
        return #running:service(name).isolates == 2
    end, "the generation before it is gone")
end

local TAKEN = 'taken_total{service="%s",kind="%s"}'

describe("a metric of a service", function()
    after_each(host.stop_all)

    it("is summed over workers, under the service's name", function()
        local running = start({ ["shop.lua"] = service(COUNTER, COUNT) })
        for _ = 1, 10 do
            running:body("/shop")
        end
        running:body("/shop?kind=%22a%5Cb%22%0A")
        local page = metrics.read(running)
        assert.equal("counter", page.kinds.taken_total)
        assert.truthy(page.text:find("# HELP taken_total Taken.\n", 1, true))
        assert.equal(10, page.values[TAKEN:format("shop", "book")])
        assert.equal(1, page.values[TAKEN:format("shop", '\\"a\\\\b\\"\\n')])
    end)

    it("goes on over reloads", function()
        local running = start({ ["shop.lua"] = service(COUNTER, COUNT) })
        running:body("/shop")
        reload(running, "shop", service(COUNTER, COUNT) .. "-- changed")
        running:body("/shop")
        assert.equal(2, metrics.value(running, TAKEN:format("shop", "book")))
    end)

    it("begins anew when a reload gives it another shape", function()
        local running = start({ ["shop.lua"] = service(COUNTER, COUNT) })
        running:body("/shop")
        reload(running, "shop", service('local taken = metrics.counter("taken_total", "Taken.", '
            .. '{ "kind", "size" })', 'taken:with("book", "large"):inc()'))
        running:body("/shop")
        local values = metrics.read(running).values
        assert.is_nil(values[TAKEN:format("shop", "book")])
        assert.equal(1, values['taken_total{service="shop",kind="book",size="large"}'])
    end)

    it("may even become one of another kind", function()
        local running = start({ ["shop.lua"] = service(
            'local value = metrics.gauge("value", "A value.")', "value:set(1)") })
        running:body("/shop")
        reload(running, "shop", service(
            'local value = metrics.histogram("value", "A value.", { buckets = { 1 } })',
            "value:observe(0.5)"))
        running:body("/shop")
        local page = metrics.read(running)
        assert.equal("histogram", page.kinds.value)
        assert.equal(1, page.values['value_bucket{service="shop",le="1.0"}'])
        assert.is_nil(page.values['value{service="shop",worker="1"}'])
    end)

    it("that is a gauge goes with its generation", function()
        local running = start({ ["hall.lua"] = service(GAUGE .. " open:set(3)") })
        assert.equal(3, metrics.value(running, 'open_doors{service="hall",worker="1"}'))
        assert.equal(3, metrics.value(running, 'open_doors{service="hall",worker="2"}'))
        reload(running, "hall", service(GAUGE .. " open:set(1)"))
        assert.equal(1, metrics.value(running, 'open_doors{service="hall",worker="1"}'))
        reload(running, "hall", service(""))
        assert.is_nil(metrics.value(running, 'open_doors{service="hall",worker="1"}'))
    end)

    it("may have the name of one of another service", function()
        local running = start({ ["shop.lua"] = service(COUNTER, COUNT),
            ["store.lua"] = service('local taken = metrics.counter("taken_total", "Taken.")',
                "taken:inc()") })
        running:body("/shop")
        running:body("/store")
        local values = metrics.read(running).values
        assert.equal(1, values[TAKEN:format("shop", "book")])
        assert.equal(1, values['taken_total{service="store"}'])
    end)

    it("of another kind than another service's of that name fails to load", function()
        local running = start({ ["a_first.lua"] = service(GAUGE) })
        running.root:write("services/b_second.lua",
            service('metrics.histogram("open_doors", "Open doors.")'))
        eventually(function()
            local second = running:service("b_second")
            return second and second.last_error
        end, "the second failed")
        assert.matches("b_second%.lua:3: another service has a metric open_doors that is no "
            .. "histogram", running:service("b_second").last_error.message)
    end)

    it("of a script that fails to load leaves the live one's alone", function()
        local running = start({ ["shop.lua"] = service(COUNTER, COUNT) })
        running:body("/shop")
        running.root:write("services/shop.lua", 'require("perigee.metrics")'
            .. '.counter("taken_total", "Taken.", { "other" }) error("broken")')
        eventually(function()
            return running:service("shop").last_error
        end, "the reload failed")
        running:body("/shop")
        local values = metrics.read(running).values
        assert.equal(2, values[TAKEN:format("shop", "book")])
    end)

    it("has as many series as --metrics-series says, and counts the others as one", function()
        local running = host.start({ services = { ["shop.lua"] = service(COUNTER, COUNT) },
            flags = { "--metrics-series", "5" } })
        for i = 1, 20 do
            running:body("/shop?kind=k" .. i)
        end
        local values = metrics.read(running).values
        assert.equal(1, values[TAKEN:format("shop", "k5")])
        assert.is_nil(values[TAKEN:format("shop", "k6")])
        assert.equal(15, values[TAKEN:format("shop", "overflow")])
        assert.equal(15, values['perigee_service_metric_overflows_total{service="shop"}'])
    end)

    it("of the host counts limits that the service reached", function()
        local running = start({ ["shop.lua"] = [[
            local http = require "perigee.http"
            local perigee = require "perigee"
            local app = http.router()
            app:get("/", function() return tostring(pcall(perigee.chan, 1000)) end)
            return { http = app, limits = { messages = 10 } }
        ]] })
        assert.equal("false", running:body("/shop"))
        running:body("/shop")
        assert.equal(2, metrics.value(running,
            'perigee_service_limits_reached_total{service="shop",limit="messages"}'))
    end)

    it("that has no room is not counted, and that is told", function()
        local running = host.start({ services = { ["shop.lua"] = service(COUNTER, COUNT) },
            flags = { "--metrics-memory", "64KB", "--metrics-series", "100000" } })
        for i = 1, 1500 do
            assert.equal("done", running:body("/shop?kind=k" .. i))
        end
        running:wait_for_log("the metric taken_total is not counted: "
            .. "%-%-metrics%-memory makes room for more")
        eventually(function()
            return metrics.read(running).values["perigee_metrics_refused_total"] > 0
        end, "the refusals are counted")
    end)

    it("lives through the death of its worker", function()
        local running = host.start({ services = { ["shop.lua"] = service(COUNTER, COUNT) } })
        running:body("/shop")
        os.execute("kill -9 " .. running:status().workers[1].pid)
        eventually(function()
            return running:status().workers[1].restarts == 1
        end, "the worker is another")
        running:wait_for_body("/shop", "done")
        assert.equal(2, metrics.value(running, TAKEN:format("shop", "book")))
    end)
end)
