local line_protocol = require "perigee.metrics.line_protocol"

local function points(kind, series, tags)
    return line_protocol.points({ { name = "m", kind = kind, series = { series } } }, tags or {},
        1700000000123)
end

local function labelled(value)
    return points("gauge", { names = { "l" }, values = { value }, value = 1 })[1]
end

describe("perigee.metrics.line_protocol", function()
    it("writes a point for each series, with sorted tags", function()
        assert.same({ "m,a=1,b=2,host=here value=3 1700000000123" }, points("counter",
            { names = { "b", "a" }, values = { "2", "1" }, value = 3 }, { host = "here" }))
        assert.same({ "m value=0.10000000000000001 1700000000123" },
            points("gauge", { names = {}, values = {}, value = 0.1 }))
    end)

    it("writes histograms with buckets that add up", function()
        assert.same({ "m count=6i,sum=2.5,le_0.5=1i,le_2=3i,le_+Inf=6i 1700000000123" },
            points("histogram", { names = {}, values = {}, bounds = { 0.5, 2 },
                buckets = { 1, 2, 3 }, sum = 2.5 }))
    end)

    it("escapes what has a meaning, and replaces what cannot be written", function()
        assert.equal([[m,l=a\ b\,c\=d value=1 1700000000123]], labelled("a b,c=d"))
        assert.equal([[m,l=a"b value=1 1700000000123]], labelled('a"b'))
        assert.equal("m,l=a_b_ value=1 1700000000123", labelled("a\nb\\"))
        assert.equal("m,l=\239\191\189 value=1 1700000000123", labelled("\255"))
    end)

    it("leaves out empty tags, and numbers that are none", function()
        assert.equal("m value=1 1700000000123", labelled(""))
        for _, value in ipairs({ 0 / 0, math.huge, -math.huge }) do
            assert.same({}, points("gauge", { names = {}, values = {}, value = value }))
        end
        assert.same({ "m count=1i,le_1=1i,le_+Inf=1i 1700000000123" }, points("histogram",
            { names = {}, values = {}, bounds = { 1 }, buckets = { 1, 0 }, sum = 0 / 0 }))
    end)

    it("lets the host's own tags count more than labels of that name", function()
        assert.same({ "m,host=here value=1 1700000000123" }, points("gauge",
            { names = { "host" }, values = { "there" }, value = 1 }, { host = "here" }))
    end)
end)
