--- Writes families of metrics, as perigee.supervisor.metric_merge reads them, as text: Prometheus'
-- format 0.0.4 and OpenMetrics 1.0.0. Pure. The text of a series is kept with it, because most of a
-- page is the same each time.
local buffer = require "string.buffer"
local utf8 = require "perigee.metrics.utf8"

local exposition = {}

exposition.CONTENT_TYPES = {
    prometheus = "text/plain; version=0.0.4; charset=utf-8",
    openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }
local HELP_ESCAPES = { prometheus = '[\\\n]', openmetrics = '[\\\n"]' }

--- A number as both formats have it.
function exposition.number(value)
    if value ~= value then
        return "NaN"
    elseif value == math.huge then
        return "+Inf"
    elseif value == -math.huge then
        return "-Inf"
    elseif value % 1 == 0 and value > -1e15 and value < 1e15 then
        return ("%d"):format(value)
    end
    local short = ("%.15g"):format(value)
    return tonumber(short) == value and short or ("%.17g"):format(value)
end

-- OpenMetrics wants bounds as floats.
local function bound_text(bound)
    local text = exposition.number(bound)
    return text:find("^%-?%d+$") and text .. ".0" or text
end

local function label_text(series, name, of_name)
    local parts = {}
    for i, label in ipairs(series.names) do
        local value = utf8.scrub(series.values[i]):gsub('[\\"\n]', ESCAPES)
        parts[i] = ('%s="%s"'):format(label, value)
    end
    if name then
        parts[#parts + 1] = ('%s="%s"'):format(name, of_name)
    end
    return parts[1] and "{" .. table.concat(parts, ",") .. "}" or ""
end

local function make_lines(family, series)
    if family.kind ~= "histogram" then
        return { family.name .. label_text(series) .. " " }
    end
    local lines = {}
    for i = 1, #series.bounds + 1 do
        local bound = series.bounds[i] and bound_text(series.bounds[i]) or "+Inf"
        lines[i] = family.name .. "_bucket" .. label_text(series, "le", bound) .. " "
    end
    lines[#lines + 1] = family.name .. "_sum" .. label_text(series) .. " "
    lines[#lines + 1] = family.name .. "_count" .. label_text(series) .. " "
    return lines
end

local function histogram_text(series, lines)
    local number, total, parts = exposition.number, 0, {}
    local last = #series.bounds + 1
    for i = 1, last do
        total = total + series.buckets[i]
        parts[i] = lines[i] .. number(total)
    end
    parts[last + 1] = lines[last + 1] .. number(series.sum)
    parts[last + 2] = lines[last + 2] .. number(total)
    return table.concat(parts, "\n")
end

-- The lines of a series, kept for as long as its numbers stay.
local function text_of(family, series)
    local is_histogram = family.kind == "histogram"
    local first, second = series.value, nil
    if is_histogram then
        first, second = series.count, series.sum
    end
    if series.text and series.shown == first and series.shown_sum == second then
        return series.text
    end
    local lines = series.lines or make_lines(family, series)
    series.lines, series.shown, series.shown_sum = lines, first, second
    series.text = is_histogram and histogram_text(series, lines)
        or lines[1] .. exposition.number(series.value)
    return series.text
end

local function put_head(out, family, format)
    local name = family.name
    if format == "openmetrics" and family.kind == "counter" then
        name = name:gsub("_total$", "")
    end
    local help = utf8.scrub(family.help):gsub(HELP_ESCAPES[format], ESCAPES)
    out:put("# HELP ", name, " ", help, "\n# TYPE ", name, " ", family.kind, "\n")
end

--- The page: `format` is "prometheus" or "openmetrics".
function exposition.render(families, format)
    local out = buffer.new()
    for _, family in ipairs(families) do
        if family.series[1] then
            put_head(out, family, format)
        end
        for _, series in ipairs(family.series) do
            out:put(text_of(family, series), "\n")
        end
    end
    if format == "openmetrics" then
        out:put("# EOF\n")
    end
    return out:tostring()
end

return exposition
