--- Merges what workers count into the families of one page: counters and histograms are summed,
-- gauges are told apart by the worker. It reads arenas (host/metrics/metric_arena.h), each of which
-- is
--
--    arena:records(first) → {{kind=, text=, is_hidden=, family=, order=, version=, cells=}, ...}
--    arena:values() → {of each record its version, then its cells}, how many records
--
-- Labels never change but with the version of their record, so what they make of a series is kept:
-- a read sums numbers, and looks only at records that are new.
local merge = {}
local methods = {}
local metatable = { __index = methods }

local SERIES = "series"

local function split(text, separator)
    local parts, from = {}, 1
    local at = text:find(separator, 1, true)
    while at do
        parts[#parts + 1] = text:sub(from, at - 1)
        from = at + 1
        at = text:find(separator, from, true)
    end
    parts[#parts + 1] = text:sub(from)
    return parts
end

local function list_labels(line)
    return line == "" and {} or split(line, ",")
end

-- What one family of an arena is on the page: the same for its simple kinds, one for each cell of a
-- group. `cell` is where in a record it begins, `value` that of a label of its own.
local function new_facet(facet)
    if facet.kind == "gauge" then
        facet.names[#facet.names + 1] = "worker"
    end
    facet.key = table.concat(facet.names, ",")
    return facet
end

local function group_facets(record, lines, values, position)
    local facets = {}
    for i = 1, record.cells do
        local name, label, help = lines[i + 3]:match("^([%w_]+)(%b{}) (.*)$")
        if not name then
            name, help = lines[i + 3]:match("^(%S+) (.*)$")
        end
        local names, own = list_labels(lines[3]), nil
        if label then
            names[#names + 1], own = label:match('^{([%w_]+)="(.*)"}$')
        end
        facets[i] = new_facet({ name = lines[1] .. name, help = help, names = names, value = own,
            kind = values[position + i] == 1 and "gauge" or "counter", cell = i,
            order = record.order })
    end
    return facets
end

local function bounds_of(record, values, position)
    local bounds = {}
    for i = 1, record.cells do
        bounds[i] = values[position + i]
    end
    return bounds
end

local function facets_of(record, values, position)
    local lines = split(record.text, "\n")
    if record.kind == "group" then
        return group_facets(record, lines, values, position)
    end
    return { new_facet({ name = lines[1], names = list_labels(lines[3] or ""),
        help = table.concat(lines, "\n", 4), kind = record.kind, cell = 1, order = record.order,
        bounds = record.kind == "histogram" and bounds_of(record, values, position) or nil }) }
end

--- `arenas` are those of the workers, in the order of their slots.
function merge.new(arenas)
    local self = setmetatable({ arenas = arenas }, metatable)
    self:forget()
    return self
end

--- Nothing of what was read before is believed any more.
function methods:forget()
    self.families, self.by_name, self.views = {}, {}, {}
    for slot in ipairs(self.arenas) do
        self.views[slot] = { records = {}, positions = {}, next_position = 1 }
    end
end

-- A family of another kind that is newer takes the place of all there is of that name.
local function family_for(self, facet)
    local family = self.by_name[facet.name]
    if family and family.kind == facet.kind then
        return family
    elseif family and family.order > facet.order then
        return nil
    elseif not family then
        family = { name = facet.name }
        self.by_name[facet.name] = family
        self.families[#self.families + 1] = family
        self.is_unsorted = true
    end
    family.kind, family.help, family.order = facet.kind, facet.help, facet.order
    family.series, family.by_key = {}, {}
    return family
end

local function same_bounds(one, other)
    return one == other or one and other and table.concat(one, ",") == table.concat(other, ",")
end

local function series_for(family, facet, values)
    local key = facet.key .. "\n" .. table.concat(values, "\0")
    local series = family.by_key[key]
    if not series then
        series = { names = facet.names, values = values, bounds = facet.bounds, sources = {},
            order = facet.order }
        family.by_key[key] = series
        family.series[#family.series + 1] = series
    elseif not same_bounds(series.bounds, facet.bounds) then
        if series.order > facet.order then
            return nil
        end
        series.bounds, series.sources = facet.bounds, {}
        series.lines, series.text = nil, nil
    end
    series.order = math.max(series.order, facet.order)
    return series
end

-- Of two records of one worker that say the same, such as gauges of two generations, the newer one
-- counts.
local function add_source(series, slot, position, order)
    for _, source in ipairs(series.sources) do
        if source.slot == slot then
            if order > source.order then
                source.position, source.order = position, order
            end
            return
        end
    end
    table.insert(series.sources, { slot = slot, position = position, order = order })
end

local function add_facet(self, facet, slot, record, position)
    local family = family_for(self, facet)
    if not family then
        return
    end
    local values = record.text == "" and {} or split(record.text, "\0")
    values[#values + 1] = facet.value
    if facet.kind == "gauge" then
        values[#values + 1] = tostring(slot)
    end
    if #values == #facet.names then
        local series = series_for(family, facet, values)
        if series then
            add_source(series, slot, position + facet.cell, record.order)
        end
    end
end

local function absorb(self, slot, record, values, position)
    local view = self.views[slot]
    if record.kind ~= SERIES then
        record.facets = facets_of(record, values, position)
        return
    end
    local family = view.records[record.family + 1]
    if record.is_hidden or not family or not family.facets or family.is_hidden then
        return
    end
    for _, facet in ipairs(family.facets) do
        add_facet(self, facet, slot, record, position)
    end
end

-- What a worker that runs wild has written there may be anything.
local function absorb_new(self, slot, values, count)
    local view = self.views[slot]
    local known = #view.records
    if count == known then
        return
    end
    for i, record in ipairs(self.arenas[slot]:records(known)) do
        local position = view.next_position
        if known + i > count then
            return
        end
        view.records[known + i], view.positions[known + i] = record, position
        view.next_position = position + 1 + record.cells
        pcall(absorb, self, slot, record, values, position)
    end
end

local function has_changed(view, values)
    local positions, records = view.positions, view.records
    for i = 1, #records do
        if values[positions[i]] ~= records[i].version then
            return true
        end
    end
    return false
end

local function sum(series, offset, all_values)
    local total = 0
    local sources = series.sources
    for i = 1, #sources do
        local source = sources[i]
        total = total + all_values[source.slot][source.position + offset]
    end
    return total
end

local function read_histogram(series, all_values)
    local buckets, count = series.buckets or {}, 0
    local bound_count = #series.bounds
    for i = 1, bound_count + 1 do
        buckets[i] = sum(series, i - 1, all_values)
        count = count + buckets[i]
    end
    series.buckets, series.count = buckets, count
    series.sum = sum(series, bound_count + 1, all_values)
end

local function read_all(self)
    local all_values = {}
    for slot, arena in ipairs(self.arenas) do
        local values, count = arena:values()
        if has_changed(self.views[slot], values) then
            return nil
        end
        absorb_new(self, slot, values, count)
        all_values[slot] = values
    end
    return all_values
end

local function by_name(one, other)
    return one.name < other.name
end

--- The families in the order of their names: { name=, help=, kind = "counter", "gauge" or
-- "histogram", series = {{ names = of the labels, values = of the labels, value= } or, of a
-- histogram, { names=, values=, bounds=, buckets = how many in each, and beyond the last, sum=,
-- count= }, ...}}. The tables are the same at the next read, which changes their numbers.
function methods:read()
    local all_values = read_all(self)
    if not all_values then
        self:forget()
        all_values = read_all(self) or {}
    end
    for _, family in ipairs(self.families) do
        for _, series in ipairs(family.series) do
            if family.kind == "histogram" then
                read_histogram(series, all_values)
            else
                series.value = sum(series, 0, all_values)
            end
        end
    end
    if self.is_unsorted then
        table.sort(self.families, by_name)
        self.is_unsorted = false
    end
    return self.families
end

return merge
