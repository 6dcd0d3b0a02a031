--- Writes families of metrics, as perigee.supervisor.metric_merge reads them, in InfluxDB's line
-- protocol: a measurement for each family, a point for each series. Pure.
--
--    hello_total,host=a,service=shop value=3 1700000000000
--    order_items,host=a,service=shop count=5i,sum=12.5,le_1=2i,le_+Inf=5i 1700000000000
local utf8 = require "perigee.metrics.utf8"

local line_protocol = {}

-- A backslash at the end of a value cannot be written at all, and one before what is escaped means
-- the escape.
local function escape(text)
    return (utf8.scrub(text):gsub("[%c\\]", "_"):gsub("[, =]", "\\%0"))
end

local function tags_of(series, own_tags)
    local tags = {}
    for name, value in pairs(own_tags) do
        tags[#tags + 1] = name .. "=" .. escape(value)
    end
    for i, name in ipairs(series.names) do
        if series.values[i] ~= "" and not own_tags[name] then
            tags[#tags + 1] = escape(name) .. "=" .. escape(series.values[i])
        end
    end
    table.sort(tags)
    return tags
end

-- What stands before the fields, which does not change.
local function head_of(family, series, own_tags)
    if not series.point_head then
        local tags = tags_of(series, own_tags)
        table.insert(tags, 1, escape(family.name))
        series.point_head = table.concat(tags, ",") .. " "
    end
    return series.point_head
end

-- InfluxDB has neither NaN nor infinity.
local function is_finite(value)
    return value == value and value ~= math.huge and value ~= -math.huge
end

-- Always a float: the first point gives a field its type for good.
local function float(value)
    return ("%.17g"):format(value)
end

local function value_field(series)
    return is_finite(series.value) and "value=" .. float(series.value) or nil
end

-- Cumulative, as Prometheus has them.
local function histogram_fields(series)
    local fields, total = { "" }, 0
    for i = 1, #series.bounds + 1 do
        local bound = series.bounds[i]
        total = total + series.buckets[i]
        fields[#fields + 1] = ("le_%s=%.0fi"):format(bound and ("%.15g"):format(bound) or "+Inf",
            total)
    end
    fields[1] = ("count=%.0fi"):format(total)
    if is_finite(series.sum) then
        table.insert(fields, 2, "sum=" .. float(series.sum))
    end
    return table.concat(fields, ",")
end

--- The lines, without their ends.
-- @param own_tags name -> value, of every point; they count more than labels of that name
-- @param time_ms since 1970
function line_protocol.points(families, own_tags, time_ms)
    local lines, tail = {}, (" %.0f"):format(time_ms)
    for _, family in ipairs(families) do
        local fields_of = family.kind == "histogram" and histogram_fields or value_field
        for _, series in ipairs(family.series) do
            local fields = fields_of(series)
            if fields then
                lines[#lines + 1] = head_of(family, series, own_tags) .. fields .. tail
            end
        end
    end
    return lines
end

return line_protocol
