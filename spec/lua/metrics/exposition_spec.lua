local exposition = require "perigee.metrics.exposition"
local utf8 = require "perigee.metrics.utf8"

local function family(kind, name, series, help)
    return { kind = kind, name = name, help = help or "Help.", series = series }
end

local function one(value, names, values)
    return { names = names or {}, values = values or {}, value = value }
end

local function render(families, format)
    local text = exposition.render(families, format or "prometheus")
    return text
end

describe("perigee.metrics.exposition", function()
    it("writes help, type and lines of each family", function()
        assert.equal([[
# HELP a_total Help.
# TYPE a_total counter
a_total{kind="x"} 1
a_total{kind="y"} 2.5
# HELP b Help.
# TYPE b gauge
b -3
]], render({ family("counter", "a_total", { one(1, { "kind" }, { "x" }),
            one(2.5, { "kind" }, { "y" }) }), family("gauge", "b", { one(-3) }) }))
    end)

    it("writes buckets that add up", function()
        local series = { names = { "k" }, values = { "v" }, bounds = { 0.5, 1 },
            buckets = { 2, 0, 3 }, sum = 12.25, count = 5 }
        assert.equal([[
# HELP h Help.
# TYPE h histogram
h_bucket{k="v",le="0.5"} 2
h_bucket{k="v",le="1.0"} 2
h_bucket{k="v",le="+Inf"} 5
h_sum{k="v"} 12.25
h_count{k="v"} 5
]], render({ family("histogram", "h", { series }) }))
    end)

    it("names a counter without _total in OpenMetrics, and ends with EOF", function()
        assert.equal([[
# HELP a Help.
# TYPE a counter
a_total 1
# EOF
]], render({ family("counter", "a_total", { one(1) }) }, "openmetrics"))
    end)

    it("leaves out a family without lines", function()
        assert.equal("", render({ family("counter", "a_total", {}) }))
        assert.equal("# EOF\n", render({}, "openmetrics"))
    end)

    it("escapes labels and help", function()
        local families = { family("gauge", "g", { one(1, { "l" }, { 'a"b\\c\nd' }) },
            'a"b\\c\nd') }
        assert.equal('# HELP g a"b\\\\c\\nd\n# TYPE g gauge\ng{l="a\\"b\\\\c\\nd"} 1\n',
            render(families))
        families[1].series[1].text = nil
        assert.equal('# HELP g a\\"b\\\\c\\nd\n', render(families, "openmetrics"):match("^.-\n"))
    end)

    it("writes numbers as Go reads them", function()
        for text, value in pairs({ NaN = 0 / 0, ["+Inf"] = math.huge, ["-Inf"] = -math.huge,
            ["0.1"] = 0.1, ["100000000000000"] = 1e14, ["1e+15"] = 1e15, ["0"] = 0,
            ["0.30000000000000004"] = 0.1 + 0.2, ["1e-07"] = 1e-7 }) do
            assert.equal(text, exposition.number(value))
        end
    end)

    it("reads the numbers anew each time", function()
        local series = one(1)
        local spread = { names = {}, values = {}, bounds = { 1 }, buckets = { 1, 0 }, sum = 0.5,
            count = 1 }
        local families = { family("gauge", "g", { series }), family("histogram", "h", { spread }) }
        render(families)
        series.value = 2
        spread.buckets, spread.count, spread.sum = { 1, 1 }, 2, 7
        local text = render(families)
        assert.matches("\ng 2\n", text)
        assert.matches("\nh_bucket{le=\"%+Inf\"} 2\nh_sum 7\nh_count 2\n$", text)
        assert.equal(text, render(families))
    end)

    it("replaces what is no UTF-8", function()
        assert.matches('l="a\239\191\189b"',
            render({ family("gauge", "g", { one(1, { "l" }, { "a\255b" }) }) }))
    end)
end)

describe("perigee.metrics.utf8", function()
    it("leaves characters as they are", function()
        for _, text in ipairs({ "", "plain", "\0\1", "ä", "€", "\240\159\152\128", "\237\159\191",
            "\244\143\191\191" }) do
            assert.equal(text, utf8.scrub(text))
        end
    end)

    it("replaces each byte that belongs to none", function()
        local gone = "\239\191\189"
        for text, expected in pairs({
            ["\128"] = gone, ["\255x"] = gone .. "x", ["\195"] = gone, ["\195x"] = gone .. "x",
            ["\192\128"] = gone .. gone,                 -- longer than it need be
            ["\224\128\128"] = gone .. gone .. gone,
            ["\237\160\128"] = gone .. gone .. gone,     -- a surrogate
            ["\244\144\128\128"] = gone .. gone .. gone .. gone, -- beyond the last
            ["\226\130"] = gone .. gone, ["aä\226\130x"] = "aä" .. gone .. gone .. "x",
        }) do
            assert.equal(expected, utf8.scrub(text))
        end
    end)
end)
