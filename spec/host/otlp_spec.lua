local host = require "spec.support.host"
local json = require "perigee.json"
local schema = require "spec.support.otlp_schema"

describe("traces for a collector", function()
    after_each(host.stop_all)

    -- Keeps what it is sent, and answers as it is told.
    local COLLECTOR = [[
        local http = require "perigee.http"
        local app = http.router()
        local got, answers, default = {}, {}, nil
        app:post("/v1/traces", function(request)
            got[#got + 1] = { body = request:body(), key = request:header("api-key"),
                kind = request:header("content-type"), trace = request:header("traceparent") }
            local answer = table.remove(answers, 1) or default or { status = 200, body = "{}" }
            if answer.retry then
                return answer.status, answer.body, { ["Retry-After"] = answer.retry }
            end
            return answer.status, answer.body
        end)
        app:get("/got", function() return { got = got } end)
        app:post("/answers", function(request)
            local told = request:json()
            answers, default = told.answers, told.default
            return "told"
        end)
        return { http = app, mount = "/", replicas = 1 }
    ]]

    local SERVICE = [[
        local http = require "perigee.http"
        local trace = require "perigee.trace"
        local app = http.router()
        app:get("/work", function()
            trace.span("half", function(span) span:set("share", 0.5):event("begun", { n = 1 }) end)
            return "done"
        end)
        app:get("/broken", function() error("\255 broke") end)
        return { http = app }
    ]]

    local collector

    local function start(flags, environment)
        collector = host.start({ services = { ["collector.lua"] = COLLECTOR },
            flags = { "--no-trace" } })
        local all = { "--otlp", "http://" .. collector.http }
        for _, flag in ipairs(flags) do
            all[#all + 1] = flag
        end
        return host.start({ services = { ["orders.lua"] = SERVICE }, flags = all,
            environment = environment })
    end

    local function tell(answers)
        collector:request({ method = "POST", target = "/answers", body = json.encode(answers) })
    end

    local function got()
        return collector:json("/got").got
    end

    local function export_of(running)
        return running:status().traces.export
    end

    local function spans_of(body)
        local list = {}
        for _, resource in ipairs(schema.check(body).resourceSpans) do
            for _, scope in ipairs(resource.scopeSpans) do
                for _, span in ipairs(scope.spans) do
                    list[#list + 1] = span
                end
            end
        end
        return list
    end

    it("follow its schema, and are there when the host has ended", function()
        local running = start({ "--trace-sample", "1" }, { OTEL_SERVICE_NAME = "shop",
            OTEL_EXPORTER_OTLP_HEADERS = "api-key=secret" })
        running:body("/orders/work")
        running:body("/orders/broken")
        running:wait_until(function()
            return export_of(running).waiting == 3
        end, "three spans wait")
        assert.equal(0, running:stop())
        local sent = got()
        assert.equal(1, #sent)
        assert.same({ "secret", "application/json" }, { sent[1].key, sent[1].kind })
        assert.is_nil(sent[1].trace)
        local spans = spans_of(sent[1].body)
        assert.equal(3, #spans)
        assert.same({ "GET /orders/work", "half", "GET /orders/broken" },
            { spans[1].name, spans[2].name, spans[3].name })
        assert.equal(spans[1].spanId, spans[2].parentSpanId)
        assert.is_nil(spans[1].parentSpanId)
        assert.same({ 0, 2 }, { spans[1].status.code, spans[3].status.code })
        assert.matches("\239\191\189 broke", spans[3].status.message)
        assert.matches('"shop"', sent[1].body, 1, true)
        assert.is_nil(running:log():find("secret", 1, true))
    end)

    it("are sent in batches when many come", function()
        local running = start({ "--trace-sample", "1" })
        local connection = running:connect()
        for _ = 1, 300 do
            connection:request({ target = "/orders/work" })
        end
        -- Long before the five seconds after which a batch goes that is not full.
        running:wait_until(function()
            return export_of(running).sent >= 512
        end, "a full batch was sent")
        for _, sent in ipairs(got()) do
            assert.is_true(#spans_of(sent.body) <= 512)
        end
    end)

    it("are sent again when the collector cannot take them now", function()
        local running = start({ "--trace-sample", "1" })
        tell({ answers = { { status = 503, body = "busy", retry = "1" } } })
        running:body("/orders/work")
        running:wait_until(function()
            return export_of(running).sent == 2
        end, "they were sent")
        local sent = got()
        assert.equal(2, #sent)
        assert.equal(sent[1].body, sent[2].body)
        assert.same({ 0, 1 }, { export_of(running).dropped, export_of(running).failures })
        running:wait_for_log("traces cannot be given to the collector: status 503: busy")
    end)

    it("are dropped and counted when it does not want them", function()
        local running = start({ "--trace-sample", "1" })
        tell({ answers = { { status = 400, body = "malformed" } } })
        running:body("/orders/work")
        running:wait_until(function()
            return export_of(running).dropped == 2
        end, "they were dropped")
        tell({ answers = { { status = 200,
            body = '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}' } } })
        running:body("/orders/work")
        running:wait_until(function()
            return export_of(running).dropped == 3
        end, "one was rejected")
        assert.equal(1, export_of(running).sent)
        assert.equal(2, #got())
        running:wait_for_log("1 spans were rejected: too old")
    end)

    it("do not hold up the end of a host whose collector is away", function()
        local running = host.start({ services = { ["orders.lua"] = SERVICE },
            flags = { "--trace-sample", "1", "--otlp", "http://127.0.0.1:1" } })
        running:body("/orders/work")
        running:wait_until(function()
            return export_of(running).waiting == 2
        end, "they wait")
        assert.equal(0, running:stop())
        running:wait_for_log("traces cannot be given to the collector: refused")
    end)

    it("that go nowhere are told of before anything is served", function()
        local program = require "spec.support.program"
        local status, _, message = program.run({ "/tmp", "--otlp", "nowhere" })
        assert.equal(1, status == 2 and 1 or status)
        assert.matches("--otlp: nowhere/v1/traces: ", message, 1, true)
    end)
end)
