local metrics = require "perigee.metrics"
local seam = require "host"

-- What was asked for stays for as long as the isolate, so each case has names of its own.
local name_count = 0

local function fresh_name(suffix)
    name_count = name_count + 1
    return ("init_spec_%d%s"):format(name_count, suffix or "")
end

local function fresh_counter(labels)
    local name = fresh_name("_total")
    return metrics.counter(name, "Counted.", labels), name
end

-- The error names this file: whoever calls wrongly is told the own line.
local function refuse(pattern, fn, ...)
    local arguments, count = { ... }, select("#", ...)
    local is_ok, message = pcall(function()
        local result = fn(unpack(arguments, 1, count))
        return result
    end)
    assert.is_false(is_ok)
    assert.matches("^spec/lua/metrics/init_spec%.lua:%d+: ", message)
    assert.matches(pattern, message)
end

describe("perigee.metrics.counter", function()
    it("adds what it is told", function()
        local counter = fresh_counter()
        counter:inc()
        counter:add(2.5)
        counter:add(0)
        assert.equal(3.5, counter:value())
    end)

    it("keeps one number for each set of labels", function()
        local counter = fresh_counter({ "kind", "size" })
        counter:with("book", "large"):inc()
        counter:with("book", "small"):add(2)
        counter:with("book", "large"):inc()
        assert.equal(2, counter:with("book", "large"):value())
        assert.equal(2, counter:with("book", "small"):value())
        local wide = fresh_counter({ "a", "b", "c" })
        wide:with("1", "2", "3"):inc()
        assert.equal(1, wide:with("1", "2", "3"):value())
        assert.equal(0, wide:with("1", "2", "4"):value())
    end)

    it("takes numbers and booleans for labels, as the texts they are", function()
        local counter = fresh_counter({ "code" })
        counter:with(200):inc()
        counter:with("200"):inc()
        counter:with(true):inc()
        assert.equal(2, counter:with("200"):value())
        assert.equal(1, counter:with("true"):value())
    end)

    it("does not take values apart that hold what separates them", function()
        local counter = fresh_counter({ "a", "b" })
        counter:with("x\0y", "z"):inc()
        assert.equal(0, counter:with("x", "y\0z"):value())
        assert.equal(1, counter:with("x?y", "z"):value())
        refuse("takes 2 values, of a, b, got 1", counter.with, counter, "x\0y")
    end)

    it("is the same when it is asked for again", function()
        local counter, name = fresh_counter({ "kind" })
        counter:with("x"):inc()
        assert.equal(1, metrics.counter(name, "Counted.", { "kind" }):with("x"):value())
    end)

    it("refuses another shape under the same name, and names the line of the first", function()
        local _, name = fresh_counter({ "kind" })
        refuse("is a counter with the label kind since spec/lua/metrics/init_spec%.lua:%d+, "
            .. "and cannot be a counter without labels", metrics.counter, name, "Counted.")
    end)

    it("refuses to shrink, and what is no number", function()
        local counter = fresh_counter()
        refuse("only grows, and %-1 is negative", counter.add, counter, -1)
        refuse("add takes a number, got nan", counter.add, counter, 0 / 0)
        refuse("add takes a number, got inf", counter.add, counter, math.huge)
        refuse("add takes a number, got nil", counter.add, counter)
        assert.equal(0, counter:value())
    end)

    it("refuses too few and too many labels, and what can be none", function()
        local counter = fresh_counter({ "kind" })
        refuse("takes 1 values, of kind, got 0", counter.with, counter)
        refuse("takes 1 values, of kind, got 2", counter.with, counter, "a", "b")
        refuse("kind is a table", counter.with, counter, {})
        local pair = fresh_counter({ "a", "b" })
        refuse("b is nil", pair.with, pair, "x", nil)
        counter:with("known"):inc()
        refuse("got 2", counter.with, counter, "known", "b")
    end)

    it("with labels has no number of its own", function()
        local counter, name = fresh_counter({ "kind" })
        refuse("has the label kind: say " .. name .. ":with%(kind%):inc%(%)", counter.inc, counter)
    end)
end)

describe("a metric", function()
    it("has a name that Prometheus takes", function()
        refuse("takes a name first, got nil", metrics.counter)
        refuse("'1st_total' is no name", metrics.counter, "1st_total", "x")
        refuse("'a:b_total' is no name", metrics.counter, "a:b_total", "x")
        refuse("must end in _total", metrics.counter, "orders", "x")
        refuse("must not end in _total", metrics.gauge, "orders_total", "x")
        refuse("must not end in _count", metrics.gauge, "order_count", "x")
        refuse("begin with process_ are the host's own", metrics.gauge, "process_x", "x")
        refuse("is no name", metrics.gauge, ("x"):rep(201), "x")
    end)

    it("has help, and labels that Prometheus takes", function()
        refuse("takes help second", metrics.gauge, "g", nil)
        refuse("takes help second", metrics.gauge, "g", "")
        refuse("takes a table of labels third, got string", metrics.gauge, "g", "x", "kind")
        refuse("'__x' is no name of a label", metrics.gauge, "g", "x", { "__x" })
        refuse("the label service is the host's own", metrics.gauge, "g", "x", { "service" })
        refuse("the label a stands there twice", metrics.gauge, "g", "x", { "a", "a" })
        refuse("11 labels are too many", metrics.gauge, "g", "x", { "a", "b", "c", "d", "e", "f",
            "g", "h", "i", "j", "k" })
        refuse("'bukets' is no option", metrics.histogram, "h", "x", { bukets = { 1 } })
        refuse("'buckets' is no option", metrics.gauge, "h", "x", { buckets = { 1 } })
    end)

    it("of a histogram has buckets that grow", function()
        refuse("buckets must be a list of 1 to 100", metrics.histogram, "h", "x", { buckets = {} })
        refuse("number 2 is 1", metrics.histogram, "h", "x", { buckets = { 1, 1 } })
        refuse("number 1 is inf", metrics.histogram, "h", "x", { buckets = { math.huge } })
        refuse("number 1 is x", metrics.histogram, "h", "x", { buckets = { "x" } })
    end)
end)

describe("perigee.metrics.gauge", function()
    it("goes up and down", function()
        local gauge = metrics.gauge(fresh_name(), "Measured.")
        gauge:set(5)
        gauge:inc()
        gauge:dec()
        gauge:add(-7)
        assert.equal(-2, gauge:value())
    end)

    it("keeps one number for each set of labels", function()
        local gauge = metrics.gauge(fresh_name(), "Measured.", { "door" })
        gauge:with("front"):set(1)
        gauge:with("back"):set(2)
        assert.equal(1, gauge:with("front"):value())
    end)
end)

describe("perigee.metrics.histogram", function()
    it("counts values and sums them", function()
        local histogram = metrics.histogram(fresh_name(), "Spread.",
            { "kind", buckets = { 1, 2, 4 } })
        for _, value in ipairs({ 0, 1, 1.5, 4, 5 }) do
            histogram:with("x"):observe(value)
        end
        local count, sum = histogram:with("x"):value()
        assert.equal(5, count)
        assert.equal(11.5, sum)
        local number = histogram:with("x").number
        assert.same({ 2, 1, 1, 1, 11.5 }, seam.metric_values(number))
    end)

    it("refuses what is no number", function()
        local histogram = metrics.histogram(fresh_name(), "Spread.")
        refuse("observe takes a number, got nan", histogram.observe, histogram, 0 / 0)
        refuse("observe takes a number, got nil", histogram.observe, histogram)
    end)
end)

-- A process without a supervisor has the limits that a host has by default.
describe("a metric with many series", function()
    it("counts those beyond 1,000 as one, and does not keep their labels", function()
        local counter = fresh_counter({ "user" })
        for i = 1, 1500 do
            counter:with("user " .. i):inc()
        end
        assert.equal(1, counter:with("user 1000"):value())
        assert.equal(500, counter:with("user 1001"):value())
        assert.equal(500, counter:with("overflow"):value())
        assert.equal(counter:with("user 1400"), counter:with("user 1401"))
    end)

    it("counts a value that is too long as one of them", function()
        local counter = fresh_counter({ "user" })
        counter:with(("x"):rep(256)):inc()
        counter:with(("x"):rep(257)):inc()
        assert.equal(1, counter:with("overflow"):value())
        assert.equal(1, counter:with(("x"):rep(256)):value())
    end)

    it("bounds gauges too", function()
        local gauge = metrics.gauge(fresh_name(), "Measured.", { "user" })
        for i = 1, 1001 do
            gauge:with("user " .. i):set(i)
        end
        assert.equal(1000, gauge:with("user 1000"):value())
        assert.equal(1001, gauge:with("user 1001"):value())
        assert.equal(1001, gauge:with("user 1002"):value())
    end)
end)
