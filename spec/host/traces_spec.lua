local host = require "spec.support.host"

describe("traces of requests", function()
    after_each(host.stop_all)

    local ORDERS = [[
        local http = require "perigee.http"
        local log = require "perigee.log"
        local perigee = require "perigee"
        local app = http.router()
        app:get("/quick/:id", function() return "quick" end)
        app:get("/slow/:id", function() perigee.sleep(0.12) return "slow" end)
        app:get("/broken", function() error("it broke") end)
        app:get("/refused", function() return 503, "no" end)
        app:get("/unknown", function() return 404, "no" end)
        app:get("/stream", function(_, response)
            response:write("first")
            perigee.sleep(0.15)
            response:finish()
        end)
        app:get("/said", function(request)
            log.info("in the request", { own = request.id })
            perigee.go(function() log.info("in a task of it") end):join()
            return request.id
        end)
        local Orders = {}
        function Orders.Quick() return 1 end
        function Orders.Slow() perigee.sleep(0.12) return 1 end
        function Orders.Raise() error("it broke too") end
        function Orders.Refuse() return nil, "not today" end
        return { http = app, rpc = { Orders = Orders } }
    ]]

    local function start(...)
        return host.start({ services = { ["orders.lua"] = ORDERS }, flags = { ... } })
    end

    local function list(running, query)
        return running:ask("GET", "/traces" .. (query or "")).traces
    end

    local function call(running, method)
        return running:request({ method = "POST", target = "/rpc/Orders." .. method, body = "{}",
            fields = { "Content-Type", "application/json" } })
    end

    local function wait_for(running, query, count)
        local found
        running:wait_until(function()
            found = list(running, query)
            return #found >= count
        end, count .. " traces of " .. query)
        assert.equal(count, #found)
        return found
    end

    it("are kept when they were slow", function()
        local running = start("--trace-slow", "100ms")
        running:body("/orders/quick/1")
        running:body("/orders/slow/7")
        local trace = wait_for(running, "?kind=slow", 1)[1]
        assert.same({ "orders", "GET /orders/slow/:id", 200, 1 },
            { trace.service, trace.name, trace.status, trace.worker })
        assert.is_true(trace.duration_s >= 0.1 and trace.duration_s < 10)
        assert.is_true(math.abs(trace.started - os.time()) < 60)
        assert.matches("^" .. ("%x"):rep(32) .. "$", trace.id)
        local whole = running:ask("GET", "/traces/" .. trace.id)
        local span = whole.spans[1]
        assert.same({ "server", "orders", 0 }, { span.kind, span.service, #span.children })
        assert.same({ ["http.request.method"] = "GET", ["url.path"] = "/orders/slow/7",
            ["url.scheme"] = "http", ["http.route"] = "/orders/slow/:id",
            ["http.response.status_code"] = 200 }, span.attributes)
        assert.same({}, list(running, "?kind=failed"))
    end)

    it("are kept when they failed, with the error", function()
        local running = start()
        running:body("/orders/quick/1")
        running:body("/orders/unknown")
        running:body("/orders/refused")
        local id = running:body("/orders/broken"):match("%x%x%x%x+")
        local failed = wait_for(running, "?service=orders&kind=failed", 2)
        assert.same({ 500, 503 }, { failed[1].status, failed[2].status })
        assert.matches("orders%.lua:7: it broke", failed[1].error)
        assert.equal("HTTP 503", failed[2].error)
        local span = running:ask("GET", "/traces/" .. failed[1].id).spans[1]
        assert.equal(id, span.id)
        assert.equal("500", span.attributes["error.type"])
        assert.equal("exception", span.events[1].name)
        assert.matches("orders%.lua:7", span.events[1].attributes["exception.stacktrace"])
    end)

    it("of streams count until the answer begins", function()
        local running = start("--trace-slow", "100ms")
        running:body("/orders/stream")
        running:body("/orders/slow/1")
        assert.equal("GET /orders/slow/:id", wait_for(running, "", 1)[1].name)
    end)

    it("are kept of calls", function()
        local running = start("--trace-slow", "100ms")
        for _, method in ipairs({ "Quick", "Slow", "Raise", "Refuse" }) do
            call(running, method)
        end
        local traces = wait_for(running, "", 2)
        assert.same({ "Orders/Raise", "Orders/Slow" }, { traces[1].name, traces[2].name })
        assert.matches("it broke too", traces[1].error)
        assert.equal("failed", traces[1].kinds[1])
        assert.equal("slow", traces[2].kinds[1])
    end)

    it("are kept as chance has it", function()
        local running = start("--trace-sample", "1")
        for _ = 1, 5 do
            running:body("/orders/quick/1")
        end
        wait_for(running, "?kind=sampled", 5)
        assert.same({}, list(running, "?kind=slow"))
        running = start("--trace-sample", "0.5")
        for _ = 1, 60 do
            running:body("/orders/quick/1")
        end
        running:body("/orders/broken")
        wait_for(running, "?kind=failed", 1)
        local count = #list(running, "?kind=sampled")
        assert.is_true(count > 5 and count < 33, count)
    end)

    it("are none when nobody wants any", function()
        local running = start("--no-trace", "--trace-slow", "100ms", "--trace-sample", "1")
        running:body("/orders/broken")
        running:body("/orders/slow/1")
        call(running, "Raise")
        running:body("/orders/said")
        assert.same({}, list(running))
        assert.matches("in the request  own=%x+\n", running:log())
        assert.is_nil(running:log():find("trace_id", 1, true))
    end)

    it("have numbers that are in every line of the log", function()
        local running = start("--trace-sample", "1")
        local id = running:body("/orders/said")
        local trace = wait_for(running, "", 1)[1]
        local line = running:wait_for_log("in the request")
        assert.matches("own=" .. id .. "  request_id=" .. id .. "  trace_id=" .. trace.id .. "$",
            line)
        line = running:wait_for_log("in a task of it")
        assert.matches("request_id=" .. id .. "  trace_id=" .. trace.id .. "$", line)
    end)

    describe("that came from elsewhere", function()
        local ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

        local function get(running, target, ...)
            return running:request({ target = target, fields = { ... } })
        end

        it("go on in the spans of this host when they are sampled", function()
            local running = start()
            get(running, "/orders/quick/1", "Traceparent", ("00-%s-%s-00"):format(ID, PARENT))
            get(running, "/orders/quick/2", "TraceParent", ("00-%s-%s-01"):format(ID, PARENT))
            local trace = wait_for(running, "", 1)[1]
            assert.same({ ID, "sampled" }, { trace.id, trace.kinds[1] })
            local span = running:ask("GET", "/traces/" .. ID).spans[1]
            assert.same({ PARENT, "/orders/quick/2" },
                { span.parent_id, span.attributes["url.path"] })
        end)

        it("are known to what failed, sampled or not", function()
            local running = start()
            get(running, "/orders/broken", "traceparent", ("00-%s-%s-00"):format(ID, PARENT))
            assert.equal(ID, wait_for(running, "?kind=failed", 1)[1].id)
        end)

        it("and are malformed begin anew", function()
            local running = start("--trace-sample", "1")
            for _, fields in ipairs({ { "traceparent", ("00-%s-%s-1"):format(ID, PARENT) },
                { "traceparent", ("00-%s-%s-01"):format(ID:upper(), PARENT) },
                { "traceparent", ("ff-%s-%s-01"):format(ID, PARENT) },
                { "traceparent", ("00-%s-%s-01"):format(ID, ("0"):rep(16)) },
                { "traceparent", ("00-%s-%s-01"):format(("0"):rep(32), PARENT) },
                { "traceparent", ("00-%s-%s-01-x"):format(ID, PARENT) },
                { "traceparent", ("00-%s-%s-01"):format(ID, PARENT),
                    "traceparent", ("00-%s-%s-01"):format(ID, PARENT) } }) do
                assert.equal(200, get(running, "/orders/quick/1", unpack(fields)).status)
            end
            for _, trace in ipairs(wait_for(running, "", 7)) do
                assert.not_equal(ID, trace.id)
            end
        end)
    end)

    describe("over several services", function()
        local FRONT = [[
            local http = require "perigee.http"
            local perigee = require "perigee"
            local rpc = require "perigee.rpc"
            local trace = require "perigee.trace"
            local orders = rpc.service("Orders")
            local jobs = perigee.channel("jobs", { capacity = 8 })
            local app = http.router()
            app:get("/call", function()
                return trace.span("think", function(span)
                    span:set("depth", 1):event("thought", { of = "orders" })
                    perigee.go(function() orders:call("Quick", {}) end):join()
                    return trace.id()
                end)
            end)
            app:get("/fails", function()
                return select(2, orders:call("Raise", {}))
            end)
            app:get("/http", function(request)
                return http.get(request.query.url .. "?secret=1"):text()
            end)
            app:get("/job", function()
                jobs:send({ trace = trace.carry("send a job") })
                return trace.id()
            end)
            return { http = app }
        ]]

        local WORKER = [[
            local perigee = require "perigee"
            local trace = require "perigee.trace"
            local jobs = perigee.channel("jobs", { capacity = 8 })
            return { start = function()
                perigee.go(function()
                    while true do
                        local job = jobs:recv()
                        trace.continue(job.trace, "do the job", function() error("no time") end)
                    end
                end)
            end }
        ]]

        local function start_all(...)
            return host.start({ services = { ["front.lua"] = FRONT, ["orders.lua"] = ORDERS,
                ["worker.lua"] = WORKER }, flags = { ... } })
        end

        -- The names of the spans, indented by how deep they are.
        local function outline(spans, depth, lines)
            depth, lines = depth or 0, lines or {}
            for _, span in ipairs(spans) do
                lines[#lines + 1] = ("  "):rep(depth)
                    .. table.concat({ span.service, span.kind, span.name }, " ")
                outline(span.children, depth + 1, lines)
            end
            return lines
        end

        local function wait_for_outline(running, id, count)
            local lines, trace
            running:wait_until(function()
                trace = running:ask("GET", "/traces/" .. id)
                lines = trace.spans and outline(trace.spans) or {}
                return #lines >= count
            end, "the trace has all its spans")
            return lines, trace
        end

        it("are one tree: own spans, tasks, calls", function()
            local running = start_all("--trace-sample", "1")
            local id = running:body("/front/call")
            local lines, trace = wait_for_outline(running, id, 4)
            assert.same({ "front server GET /front/call", "  front internal think",
                "    front client Orders/Quick", "      orders server Orders/Quick" }, lines)
            local think = trace.spans[1].children[1]
            assert.equal(1, think.attributes.depth)
            assert.same({ "thought", "orders" },
                { think.events[1].name, think.events[1].attributes.of })
        end)

        it("tell of a failure below", function()
            local running = start_all()
            assert.equal("failed", running:body("/front/fails"))
            local failed = wait_for(running, "?service=orders", 1)[1]
            assert.equal("Orders/Raise", failed.name)
            local lines = wait_for_outline(running, failed.id, 1)
            assert.same({ "orders server Orders/Raise" }, lines)
        end)

        it("go over HTTP", function()
            local running = start_all("--trace-sample", "1", "--allow-network", "127.0.0.1")
            local url = "http://me:word@" .. running.http .. "/orders/unknown"
            running:body("/front/http?url=" .. url)
            local front = wait_for(running, "?service=front", 1)[1]
            local lines, trace = wait_for_outline(running, front.id, 3)
            assert.same({ "front server GET /front/http", "  front client GET",
                "    orders server GET /orders/unknown" }, lines)
            local client = trace.spans[1].children[1]
            assert.equal("http://" .. running.http .. "/orders/unknown",
                client.attributes["url.full"])
            assert.equal(404, client.attributes["http.response.status_code"])
            assert.equal("HTTP 404", client.error)
            assert.is_nil(trace.spans[1].error)
        end)

        it("go to other hosts by calls", function()
            local there = start("--trace-sample", "0")
            for _, codec in ipairs({ "msgpack", "json" }) do
                local running = host.start({ flags = { "--trace-sample", "1", "--allow-network",
                    "127.0.0.1" }, services = { ["front.lua"] = ([[
                        local rpc = require "perigee.rpc"
                        local trace = require "perigee.trace"
                        local client = rpc.dial("tcp://%s", { codec = "%s", deadlines = true })
                        return { http = function()
                            client:call("Orders.Quick", {})
                            return trace.id()
                        end }
                    ]]):format(there.rpc, codec) } })
                local id = running:body("/front")
                local here = wait_for_outline(running, id, 2)
                assert.same({ "front server GET", "  front client Orders/Quick" }, here)
                local _, trace = wait_for_outline(there, id, 1)
                local _, own = wait_for_outline(running, id, 2)
                assert.equal(own.spans[1].children[1].id, trace.spans[1].parent_id)
            end
        end)

        it("go on behind a gateway", function()
            local running = host.start({ flags = { "--trace-sample", "1" }, services = {
                ["api.lua"] = [[
                    local gateway = require "perigee.gateway"
                    return { http = gateway.proxy({ service = "orders" }), mount = "/api" }
                ]], ["orders.lua"] = ORDERS } })
            running:request({ target = "/api/quick/1", fields = { "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } })
            local lines = wait_for_outline(running, "0af7651916cd43dd8448eb211c80319c", 3)
            assert.same({ "api server GET", "  api client GET",
                "    orders server GET /orders/quick/:id" }, lines)
        end)

        it("go over named channels when they are told to", function()
            local running = start_all("--trace-sample", "1")
            local lines = wait_for_outline(running, running:body("/front/job"), 3)
            assert.same({ "front server GET /front/job", "  front producer send a job",
                "    worker consumer do the job" }, lines)
        end)
    end)

    it("that are unknown, or asked for wrongly, are refused", function()
        local running = start()
        for target, status in pairs({ ["/traces/x"] = 404, ["/traces?kind=all"] = 400,
            ["/traces?limit=-1"] = 400, ["/traces?limit=1001"] = 400 }) do
            assert.equal(status, select(2, running:ask("GET", target)))
        end
    end)

    it("are bounded in a second, and the rest is counted", function()
        local running = start()
        local connection = running:connect()
        local count = 0
        local function fail()
            count = count + 1
            assert.equal(500, connection:request({ target = "/orders/broken" }).status)
        end
        -- However slow the machine is, more come in some second than are kept.
        running:wait_until(function()
            for _ = 1, 60 do
                fail()
            end
            return running:status().workers[1].dropped_traces > 0
        end, "some are dropped")
        local status = running:status()
        assert.is_true(status.traces.kept + status.workers[1].dropped_traces <= count)
        assert.equal(32, #list(running, "?kind=failed"))
    end)
end)
