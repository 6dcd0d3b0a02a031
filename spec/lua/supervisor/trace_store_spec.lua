local trace_store = require "perigee.supervisor.trace_store"

describe("the traces that are kept", function()
    local store

    before_each(function()
        store = trace_store.new()
    end)

    local function record(id, fields)
        local one = { trace_id = id, service = "orders", worker = 1, name = "GET /orders",
            started = 100, duration_s = 2, is_slow = true, spans = {} }
        for name, value in pairs(fields or {}) do
            one[name] = value
        end
        return one
    end

    local function ids(...)
        local list = {}
        for i, summary in ipairs(store:list(...)) do
            list[i] = summary.id
        end
        return list
    end

    it("are listed by service and kind, the newest first", function()
        store:add(record("a"))
        store:add(record("b", { service = "users", is_slow = false, is_failed = true }))
        store:add(record("c", { is_failed = true, status = 500, error = "broken" }))
        assert.same({ "c", "b", "a" }, ids(nil, nil, 10))
        assert.same({ "c", "a" }, ids("orders", nil, 10))
        assert.same({ "c", "b" }, ids(nil, "failed", 10))
        assert.same({ "c" }, ids("orders", "failed", 10))
        assert.same({ "c" }, ids("orders", nil, 1))
        local summary = store:list("orders", "failed", 1)[1]
        assert.same({ "slow", "failed" }, { summary.kinds[1], summary.kinds[2] })
        assert.same({ 500, "broken", 2 }, { summary.status, summary.error, summary.duration_s })
    end)

    it("make room for newer ones of their service and kind", function()
        store:add(record("failed", { is_slow = false, is_failed = true }))
        store:add(record("both", { is_failed = true }))
        store:add(record("other", { service = "users" }))
        for i = 1, 40 do
            store:add(record("slow" .. i))
        end
        assert.equal(33, #ids("orders", "slow", 100)) -- with one that is kept as failed
        assert.same({ "both", "failed" }, ids("orders", "failed", 100))
        assert.same({ "other" }, ids("users", nil, 100))
        assert.is_nil(store:get("slow1"))
        assert.is_not_nil(store:get("both"))
        assert.same({ kept = 43, evicted = 8, held = 35 }, store:counters())
    end)

    it("are bounded for all services together", function()
        for i = 1, 1100 do
            store:add(record("t" .. i, { service = "s" .. i }))
        end
        assert.equal(1000, store:counters().held)
        assert.is_nil(store:get("t100"))
        assert.is_not_nil(store:get("t101"))
        assert.same({}, ids("s100", "slow", 10))
    end)

    it("are trees of the spans of all services", function()
        store:add(record("t", { started = 10, duration_s = 5, dropped_spans = 2, spans = {
            { id = "1", name = "GET /orders", kind = "server", started = 10, duration_s = 5 },
            { id = "3", parent_id = "1", name = "later", kind = "client", started = 12,
                duration_s = 1 },
            { id = "2", parent_id = "1", name = "earlier", kind = "client", started = 11,
                duration_s = 1, events = { { name = "e", time = 11 } } },
        } }))
        store:add(record("t", { service = "users", worker = 2, started = 11.1, duration_s = 6,
            spans = { { id = "4", parent_id = "2", name = "Users.Get", kind = "server",
                started = 11.1, duration_s = 0.5, error = "broken" },
                { id = "5", parent_id = "unknown", name = "lost", kind = "internal", started = 11,
                    duration_s = 0 } } }))
        local trace = store:get("t")
        assert.same({ 10, 2 }, { trace.started, trace.dropped_spans })
        assert.near(7.1, trace.duration_s, 1e-9)
        assert.equal(2, #trace.spans)
        local root = trace.spans[1]
        assert.same({ "earlier", "later" }, { root.children[1].name, root.children[2].name })
        local remote = root.children[1].children[1]
        assert.same({ "Users.Get", "users", 2, "broken" },
            { remote.name, remote.service, remote.worker, remote.error })
        assert.equal("lost", trace.spans[2].name)
    end)

    it("never hang a span below itself", function()
        store:add(record("t", { spans = {
            { id = "1", parent_id = "1", name = "loop", kind = "internal", started = 1,
                duration_s = 0 } } }))
        assert.equal("loop", store:get("t").spans[1].name)
    end)
end)
