local json = require "perigee.json"
local otlp_message = require "perigee.supervisor.otlp_message"
local schema = require "spec.support.otlp_schema"

describe("records as OTLP", function()
    local function span(fields)
        local one = { id = "00f067aa0ba902b7", name = "work", kind = "internal",
            started = 1700000000.25, duration_s = 0.5 }
        for name, value in pairs(fields or {}) do
            one[name] = value
        end
        return one
    end

    local function encode(spans, resource)
        return schema.check(otlp_message.encode({ { trace_id = ("ab"):rep(16), service = "orders",
            spans = spans } }, resource or {}, "1.0"))
    end

    local function first_span(fields)
        return encode({ span(fields) }).resourceSpans[1].scopeSpans[1].spans[1]
    end

    it("follow the schema", function()
        local one = first_span({ kind = "server", parent_id = "b7ad6b7169203331" })
        assert.same({ "1700000000250000000", "1700000000750000000" },
            { one.startTimeUnixNano, one.endTimeUnixNano })
        assert.same({ 2, "b7ad6b7169203331", 0 }, { one.kind, one.parentSpanId, one.status.code })
        for i, kind in ipairs({ "internal", "server", "client", "producer", "consumer" }) do
            assert.equal(i, first_span({ kind = kind }).kind)
        end
    end)

    it("never write a second that is none", function()
        local one = first_span({ started = 1699999999.9999999999, duration_s = 0.0000000001 })
        assert.equal("1700000000000000000", one.startTimeUnixNano)
    end)

    it("have values of every type", function()
        local values = {}
        local attributes = { a = "text", b = true, c = 7, d = -2 ^ 53, e = 1.5, f = 0 / 0,
            g = math.huge, h = "\255\1", i = 2 ^ 60 }
        for _, pair in ipairs(first_span({ attributes = attributes }).attributes) do
            values[pair.key] = pair.value
        end
        assert.same({ a = { stringValue = "text" }, b = { boolValue = true },
            c = { intValue = "7" }, d = { intValue = "-9007199254740992" },
            e = { doubleValue = 1.5 }, f = { stringValue = tostring(0 / 0) },
            g = { stringValue = "inf" }, h = { stringValue = "\239\191\189\1" },
            i = { doubleValue = 2 ^ 60 } }, values)
    end)

    it("tell of errors and events", function()
        local one = first_span({ error = "it broke", events = {
            { name = "exception", time = 1700000000, attributes = { ["exception.type"] = "x" } },
            { name = "bare", time = 1700000001 } } })
        assert.same({ code = 2, message = "it broke" }, one.status)
        assert.same({ "exception", "bare" }, { one.events[1].name, one.events[2].name })
        assert.equal("exception.type", one.events[1].attributes[1].key)
    end)

    it("have a resource for each service", function()
        local body = otlp_message.encode({
            { trace_id = ("1"):rep(32), service = "a", spans = { span() } },
            { trace_id = ("2"):rep(32), service = "b", spans = { span() } },
            { trace_id = ("3"):rep(32), service = "a", spans = { span() } },
        }, { ["deployment.environment"] = "test" }, "1.0")
        local list = schema.check(body).resourceSpans
        assert.equal(2, #list)
        assert.equal(2, #list[1].scopeSpans[1].spans)
        local names = {}
        for _, pair in ipairs(list[1].resource.attributes) do
            names[pair.key] = pair.value.stringValue
        end
        assert.same({ ["deployment.environment"] = "test", ["service.name"] = "a",
            ["perigee.service"] = "a" }, names)
        list = encode({ span() }, { ["service.name"] = "shop" }).resourceSpans
        assert.matches('"shop"', json.encode(list[1].resource), 1, true)
    end)

    it("are checked by a schema that finds faults", function()
        for _, body in ipairs({ '{"resource_spans":[]}', '{"resourceSpans":{"a":1}}',
            '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"q"}]}]}]}',
            '{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"intValue":1}}]}}]}',
            '{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{}}]}}]}' }) do
            assert.is_false((pcall(schema.check, body)))
        end
    end)
end)
