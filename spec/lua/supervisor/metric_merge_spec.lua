local metric_merge = require "perigee.supervisor.metric_merge"

-- What a worker counts: records in order, as an arena has them.
local function new_arena()
    local arena = { list = {} }
    function arena:records(first)
        local records = {}
        for i = first + 1, #self.list do
            local copy = {}
            for key, value in pairs(self.list[i]) do
                copy[key] = value
            end
            copy.cells = #copy.cells
            records[#records + 1] = copy
        end
        return records
    end
    function arena:values()
        local values = {}
        for _, record in ipairs(self.list) do
            values[#values + 1] = record.version
            for _, value in ipairs(record.cells) do
                values[#values + 1] = value
            end
        end
        return values, #self.list
    end
    return arena
end

local order = 0

local function add(arena, kind, text, cells, family)
    order = order + 1
    arena.list[#arena.list + 1] = { kind = kind, text = text, cells = cells or {}, order = order,
        family = family or 0, version = 0, is_hidden = false }
    return #arena.list - 1
end

local function add_series(arena, family, labels, ...)
    return add(arena, "series", table.concat(labels, "\0"), { ... }, family)
end

-- Family -> labels -> value, or "count sum" of a histogram.
local function read(merge)
    local found = {}
    for _, family in ipairs(merge:read()) do
        local lines = {}
        for _, series in ipairs(family.series) do
            local labels = {}
            for i, name in ipairs(series.names) do
                labels[i] = name .. "=" .. series.values[i]
            end
            lines[table.concat(labels, " ")] = series.value
                or ("%d %g"):format(series.count, series.sum)
        end
        found[family.name] = lines
    end
    return found
end

local COUNTER = "a_total\nshop\nservice,kind\nHelp\nof two lines."
local GAUGE = "g\nshop\nservice\nHelp."
local HISTOGRAM = "h\n\n\nHelp."
local GROUP = "thing_\n\nname\nturns_total Turns taken.\nsize Its size.\n"
    .. "limits_total{limit=\"x\"} Limits.\nlimits_total{limit=\"y\"} Limits.\n"

describe("perigee.supervisor.metric_merge", function()
    local one, other, merge

    before_each(function()
        one, other = new_arena(), new_arena()
        merge = metric_merge.new({ one, other })
    end)

    it("sums counters of all workers, wherever they stand there", function()
        local family = add(one, "counter", COUNTER)
        add_series(one, family, { "shop", "book" }, 1)
        add_series(one, family, { "shop", "pen" }, 2)
        add(other, "gauge", GAUGE)
        family = add(other, "counter", COUNTER)
        add_series(other, family, { "shop", "book" }, 10)
        assert.same({ ["service=shop kind=book"] = 11, ["service=shop kind=pen"] = 2 },
            read(merge).a_total)
        assert.equal("Help\nof two lines.", merge:read()[1].help)
    end)

    it("tells gauges apart by their worker", function()
        add_series(one, add(one, "gauge", GAUGE), { "shop" }, 1)
        add_series(other, add(other, "gauge", GAUGE), { "shop" }, 10)
        assert.same({ g = { ["service=shop worker=1"] = 1, ["service=shop worker=2"] = 10 } },
            read(merge))
    end)

    it("sums the buckets of histograms", function()
        add_series(one, add(one, "histogram", HISTOGRAM, { 1, 2 }), {}, 1, 2, 3, 10.5)
        add_series(other, add(other, "histogram", HISTOGRAM, { 1, 2 }), {}, 10, 20, 30, 1)
        assert.same({ h = { [""] = "66 11.5" } }, read(merge))
        local series = merge:read()[1].series[1]
        assert.same({ 11, 22, 33 }, series.buckets)
        assert.same({ 1, 2 }, series.bounds)
    end)

    it("makes a family of each cell of a group", function()
        local family = add(one, "group", GROUP, { 0, 1, 0, 0 })
        add_series(one, family, { "x" }, 5, 6, 7, 8)
        assert.same({ thing_turns_total = { ["name=x"] = 5 },
            thing_size = { ["name=x worker=1"] = 6 },
            thing_limits_total = { ["name=x limit=x"] = 7, ["name=x limit=y"] = 8 } }, read(merge))
    end)

    it("sees numbers that change, and series that are new, in order of names", function()
        local family = add(one, "counter", COUNTER)
        local number = add_series(one, family, { "shop", "book" }, 1)
        read(merge)
        one.list[number + 1].cells[1] = 5
        add_series(one, add(one, "gauge", "a_first\nshop\nservice\nHelp."), { "shop" }, 2)
        assert.same({ a_total = { ["service=shop kind=book"] = 5 },
            a_first = { ["service=shop worker=1"] = 2 } }, read(merge))
        assert.equal("a_first", merge:read()[1].name)
    end)

    it("leaves out what is hidden, families and series, from when it is", function()
        local family = add(one, "gauge", GAUGE)
        local number = add_series(one, family, { "shop" }, 1)
        read(merge)
        one.list[number + 1].is_hidden, one.list[number + 1].version = true, 2
        assert.same({}, read(merge).g or {})
        one.list[number + 1].is_hidden, one.list[number + 1].version = false, 4
        assert.same({ ["service=shop worker=1"] = 1 }, read(merge).g)
        one.list[family + 1].is_hidden, one.list[family + 1].version = true, 2
        assert.same({}, read(merge).g or {})
    end)

    it("believes the newer of two gauges that say the same", function()
        local family = add(one, "gauge", GAUGE)
        add_series(one, family, { "shop" }, 1)
        local newer = add_series(one, family, { "shop" }, 2)
        add_series(one, family, { "shop" }, 3)
        order = order + 1
        one.list[newer + 1].order = order
        assert.same({ ["service=shop worker=1"] = 2 }, read(merge).g)
    end)

    it("has one kind for each name, that of the newest family", function()
        add_series(one, add(one, "gauge", "x\nshop\n\nHelp."), {}, 1)
        add_series(one, add(one, "histogram", "x\nshop\n\nHelp.", { 1 }), {}, 1, 2, 3)
        add_series(other, add(other, "histogram", "x\nshop\n\nHelp.", { 1 }), {}, 1, 2, 3)
        assert.same({ x = { [""] = "6 6" } }, read(merge))
        add_series(other, add(other, "gauge", "x\nshop\n\nHelp."), {}, 7)
        assert.same({ x = { ["worker=2"] = 7 } }, read(merge))
    end)

    it("has one list of buckets for each series, the newest", function()
        add_series(one, add(one, "histogram", HISTOGRAM, { 1 }), {}, 1, 1, 1)
        add_series(other, add(other, "histogram", HISTOGRAM, { 2 }), {}, 5, 5, 5)
        assert.same({ h = { [""] = "10 5" } }, read(merge))
        add_series(other, 0, {}, 5, 5, 5)
    end)

    it("believes nothing that cannot be", function()
        add(one, "series", "lost", { 1 }, 99)
        add(one, "counter", "no lines")
        add(one, "unknown", "x\n\n\nHelp.")
        add(one, "group", "only one line", { 0, 1 })
        add_series(one, 3, { "x" }, 1, 2)
        add_series(one, add(one, "counter", COUNTER), { "too few" }, 1)
        add_series(one, add(one, "counter", COUNTER), { "a", "b", "c" }, 1)
        add_series(other, add(other, "counter", COUNTER), { "shop", "book" }, 4)
        assert.same({ ["service=shop kind=book"] = 4 }, read(merge).a_total)
    end)
end)
