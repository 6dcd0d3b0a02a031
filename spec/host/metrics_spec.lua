--- /metrics of a running host: what is counted without a line in a service.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local metrics = require "spec.support.metrics"
local rpc = require "perigee.rpc"
local seam = require "host"
local together = require "spec.support.together"

local SIGSTOP, SIGCONT, SIGKILL = 19, 18, 9

local HELLO = [[
local http = require "perigee.http"
local app = http.router()
app:get("/", function() return "hello" end)
app:get("/:name", function(request) return request.params.name end)
app:get("/fails/now", function() error("no") end)
app:get("/pieces/now", function(_, response)
    response:write("abc")
    response:write("defg")
end)
app:post("/echo", function(request) return request:body() end)
app:websocket("/chat", function(socket)
    local message = socket:receive()
    while message do
        socket:send(message)
        message = socket:receive()
    end
end)
return { http = app }
]]

local ADDER = [[
return { rpc = { Adder = {
    Add = function(pair) return pair.A + pair.B end,
    Fail = function() return nil, "no" end,
    Raise = function() error("no") end,
} } }
]]

local COUNT = 'http_server_request_duration_seconds_count{service="%s",method="%s",'
    .. 'route="%s",status="%d",protocol="%s"}'
local CALLS = 'rpc_server_call_duration_seconds_count{service="%s",method="%s",'
    .. 'code="%s",protocol="%s"}'

local function count_of(service, method, route, status, protocol)
    return COUNT:format(service, method, route, status, protocol or "http/1.1")
end

local function start(services, options)
    options = options or {}
    options.services, options.workers = services, options.workers or 2
    return host.start(options)
end

local function worker_pids(running)
    local pids = {}
    for i, worker in ipairs(running:status().workers) do
        pids[i] = worker.pid
    end
    return pids
end

-- Workers copy what they keep as plain numbers a few times a second.
local function await(running, name, expected)
    eventually(function()
        return metrics.value(running, name) == expected
    end, name .. " is " .. expected)
end

describe("/metrics", function()
    after_each(host.stop_all)

    describe("counts requests", function()
        it("by service, method, route and status, over all workers", function()
            local running = start({ ["hello.lua"] = HELLO })
            for i = 1, 20 do
                running:body("/hello/n" .. i)
            end
            running:get("/hello")
            running:get("/hello/fails/now")
            running:get("/hello/a/b/c")
            running:request({ method = "HEAD", target = "/hello/x" })
            running:request({ method = "BREW", target = "/hello/x" })
            local values = metrics.read(running).values
            assert.equal(20, values[count_of("hello", "GET", "/hello/:name", 200)])
            assert.equal(1, values[count_of("hello", "GET", "/hello", 200)])
            assert.equal(1, values[count_of("hello", "GET", "/hello/fails/now", 500)])
            assert.equal(1, values[count_of("hello", "GET", "unmatched", 404)])
            assert.equal(1, values[count_of("hello", "HEAD", "/hello/:name", 200)])
        end)

        it("by protocol, and their durations in buckets that add up", function()
            local running = start({ ["hello.lua"] = HELLO })
            running:raw("GET /hello HTTP/1.0\r\n\r\n")
            local values = metrics.read(running).values
            local name = count_of("hello", "GET", "/hello", 200, "http/1.0")
            assert.equal(1, values[name])
            local sum = values[name:gsub("_count", "_sum")]
            assert.truthy(sum > 0 and sum < 10)
            assert.equal(1, values[name:gsub("_count", "_bucket"):gsub("}", ',le="+Inf"}')])
            assert.equal(1, values[name:gsub("_count", "_bucket"):gsub("}", ',le="10.0"}')])
        end)

        it("with the bytes of their bodies", function()
            local running = start({ ["hello.lua"] = HELLO })
            running:post("/hello/echo", ("x"):rep(1000))
            running:body("/hello/pieces/now")
            local values = metrics.read(running).values
            assert.equal(1000,
                values['perigee_service_request_body_bytes_total{service="hello"}'])
            assert.equal(1007,
                values['perigee_service_response_body_bytes_total{service="hello"}'])
        end)

        it("whose client went away as 499", function()
            local running = start({ ["hello.lua"] = HELLO }, { workers = 1 })
            local peer = running:open()
            peer:write("POST /hello/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            await(running, 'perigee_service_http_requests_in_flight{service="hello",worker="1"}', 1)
            peer:close()
            await(running, count_of("hello", "POST", "/hello/echo", 499), 1)
            assert.equal(3, metrics.value(running,
                'perigee_service_request_body_bytes_total{service="hello"}'))
        end)

        it("that became WebSockets at once, and the sockets while they last", function()
            local running = start({ ["hello.lua"] = HELLO }, { workers = 1 })
            local peer = running:open()
            peer:write("GET /hello/chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                .. "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            local sockets = 'perigee_service_websockets{service="hello",worker="1"}'
            await(running, sockets, 1)
            assert.equal(1, metrics.value(running,
                count_of("hello", "GET", "/hello/chat", 101, "websocket")))
            peer:close()
            await(running, sockets, 0)
        end)

        it("of a service that runs once where it runs", function()
            local running = start({ ["one.lua"] = HELLO:gsub("return { http",
                "return { replicas = 1, http") })
            for i = 1, 10 do
                running:body("/one/" .. i)
            end
            assert.equal(10, metrics.value(running, count_of("one", "GET", "/one/:name", 200)))
        end)
    end)

    it("counts calls by service, method, outcome and protocol", function()
        local running = start({ ["adder.lua"] = ADDER })
        local peer = assert(rpc.dial("tcp://" .. running.rpc, { codec = "json" }))
        for _ = 1, 5 do
            assert.equal(3, (peer:call("Adder.Add", { A = 1, B = 2 })))
        end
        peer:call("Adder.Fail")
        peer:call("Adder.Raise")
        peer:call("Adder.Nothing")
        peer:close()
        running:request({ method = "POST", target = "/rpc/Adder.Add", body = '{"A":1,"B":2}',
            fields = { "Content-Type", "application/json" } })
        local values = metrics.read(running).values
        assert.equal(5, values[CALLS:format("adder", "Adder.Add", "ok", "jsonrpc/2.0")])
        assert.equal(1, values[CALLS:format("adder", "Adder.Add", "ok", "http")])
        assert.equal(1, values[CALLS:format("adder", "Adder.Fail", "error", "jsonrpc/2.0")])
        assert.equal(1,
            values[CALLS:format("adder", "Adder.Raise", "internal_error", "jsonrpc/2.0")])
        assert.equal(1,
            values[CALLS:format("adder", "unmatched", "method_not_found", "jsonrpc/2.0")])
    end)

    it("knows each service's time, heap and tasks", function()
        local running = start({ ["hello.lua"] = HELLO }, { workers = 1 })
        running:body("/hello")
        eventually(function()
            local values = metrics.read(running).values
            return (values['perigee_service_heap_bytes{service="hello",worker="1"}'] or 0) > 1000
                and values['perigee_service_cpu_seconds_total{service="hello"}'] > 0
                and values['perigee_service_tasks{service="hello",worker="1"}'] == 0
                and values['perigee_service_turns_total{service="hello"}'] > 0
        end, "they are there")
    end)

    it("goes on counting when a service is loaded anew, and forgets its gauges", function()
        local running = start({ ["hello.lua"] = HELLO }, { workers = 1 })
        running:body("/hello/one")
        running.root:write("services/hello.lua", HELLO .. "-- changed")
        eventually(function()
            return running:service("hello").generation == 2
        end, "the second generation is live")
        running:body("/hello/two")
        await(running, 'perigee_service_isolates{service="hello",worker="1"}', 1)
        local values = metrics.read(running).values
        assert.equal(2, values[count_of("hello", "GET", "/hello/:name", 200)])
        assert.equal(1, values['perigee_reloads_total{service="hello",result="ok"}'])
        assert.equal(0,
            values['perigee_service_http_requests_in_flight{service="hello",worker="1"}'])
    end)

    it("counts reloads that failed", function()
        local running = start({ ["hello.lua"] = HELLO })
        running.root:write("services/hello.lua", "return nil")
        await(running, 'perigee_reloads_total{service="hello",result="failed"}', 1)
        assert.equal(1, metrics.value(running,
            'perigee_service_reload_failing{service="hello"}'))
        assert.equal(1, metrics.value(running, 'perigee_service_up{service="hello"}'))
    end)

    it("has the counters of a worker that is stopped", function()
        local running = start({ ["hello.lua"] = HELLO }, { workers = 2, flags = { "--stall",
            "60s" } })
        for i = 1, 10 do
            running:body("/hello/" .. i)
        end
        local pids = worker_pids(running)
        for _, pid in ipairs(pids) do
            os.execute(("kill -%d %d"):format(SIGSTOP, pid))
        end
        local count = metrics.value(running, count_of("hello", "GET", "/hello/:name", 200))
        for _, pid in ipairs(pids) do
            os.execute(("kill -%d %d"):format(SIGCONT, pid))
        end
        assert.equal(10, count)
    end)

    it("keeps the counters of a worker that died, and not its gauges", function()
        local running = start({ ["hello.lua"] = HELLO }, { workers = 1 })
        for i = 1, 10 do
            running:body("/hello/" .. i)
        end
        local stays_open = running:open()
        stays_open:write("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        await(running, 'perigee_server_connections{server="http",worker="1"}', 1)
        os.execute(("kill -%d %d"):format(SIGKILL, worker_pids(running)[1]))
        await(running, 'perigee_worker_restarts_total{worker="1"}', 1)
        eventually(function()
            return running:get("/hello/again").status == 200
        end, "the next worker serves")
        await(running, count_of("hello", "GET", "/hello/:name", 200), 11)
        await(running, 'perigee_server_connections{server="http",worker="1"}', 0)
        stays_open:close()
    end)

    it("tells of each process what the kernel knows", function()
        local running = start({})
        local values = metrics.read(running).values
        for _, process in ipairs({ "supervisor", "worker 1", "worker 2" }) do
            local label = ('{process="%s"}'):format(process)
            assert.truthy(values["process_resident_memory_bytes" .. label] > 1e6)
            assert.truthy(values["process_open_fds" .. label] > 3)
            assert.truthy(values["process_threads" .. label] >= 2)
            assert.truthy(math.abs(values["process_start_time_seconds" .. label]
                - seam.wall_time()) < 60)
        end
    end)

    describe("speaks", function()
        it("Prometheus' own format unless asked for another", function()
            local running = start({ ["hello.lua"] = HELLO })
            local page = metrics.read(running)
            assert.equal("text/plain; version=0.0.4; charset=utf-8",
                page.answer:header("content-type"))
            assert.equal("counter", page.kinds.perigee_reloads_total)
            assert.falsy(page.text:find("# EOF", 1, true))
        end)

        it("OpenMetrics to who prefers it", function()
            local running = start({ ["hello.lua"] = HELLO })
            local page = metrics.read(running, { "Accept", "application/openmetrics-text;"
                .. "version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                .. "text/plain;version=0.0.4;q=0.5,*/*;q=0.1" })
            assert.equal("application/openmetrics-text; version=1.0.0; charset=utf-8",
                page.answer:header("content-type"))
            assert.equal("counter", page.kinds.perigee_reloads)
            assert.matches("# EOF\n$", page.text)
        end)

        it("gzip when it may", function()
            local running = start({ ["hello.lua"] = HELLO })
            local answer = running:request({ address = running.admin, target = "/metrics",
                fields = { "Accept-Encoding", "gzip" } })
            assert.equal("gzip", answer:header("content-encoding"))
            assert.equal("\31\139", answer.body:sub(1, 2))
        end)
    end)

    it("is whole while requests are counted", function()
        local running = start({ ["hello.lua"] = HELLO })
        local function ask()
            for i = 1, 20 do
                running:body("/hello/" .. i)
            end
        end
        together({ ask, ask, ask, function()
            for _ = 1, 20 do
                metrics.read(running)
            end
        end })
        assert.equal(60, metrics.value(running, count_of("hello", "GET", "/hello/:name", 200)))
    end)
end)
