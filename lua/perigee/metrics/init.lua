--- `perigee.metrics`: what a service counts beyond what the host counts for it, see
-- docs/metrics.md.
--
--    local metrics = require "perigee.metrics"
--    local orders = metrics.counter("orders_total", "Orders that were taken.", { "kind" })
--    local sizes = metrics.histogram("order_items", "Items of an order.",
--        { "kind", buckets = { 1, 2, 5, 10, 100 } })
--
--    orders:with("book"):inc()
--    sizes:with("book"):observe(3)
--
-- A metric without labels is counted with as it is: `metrics.gauge("open_doors", "..."):set(2)`.
local host = require "host"
local lazy = require "perigee.core.lazy"
local log_settings = require "perigee.core.log_settings"
local series = require "perigee.metrics.series"
local shape = require "perigee.metrics.shape"

local log = lazy "perigee.log"

local metrics = {}

-- Longer values, and those of more series than a metric may have, are counted as one.
local MAX_VALUE_SIZE = 256
local OVERFLOW = "overflow"

local DETAILS = { full = "--metrics-memory makes room for more" }

local by_name = {} -- of this isolate

local has_warned = false

-- Said once: whatever is counted next has no room either.
local function warn_of(name, code)
    if not has_warned then
        has_warned = true
        log.warn(("the metric %s is not counted: %s"):format(name, DETAILS[code] or code),
            { code = code })
    end
end

local function find_series(self, labels, is_certain)
    local number, code = host.metric_series(self.family, labels, is_certain)
    if not number and code ~= "too_large" then
        warn_of(self.name, code)
    end
    return number, code
end

-- Not kept by its labels, of which there may be any number.
local function take_overflow(self)
    host.metric_note_overflow()
    if not self.overflow then
        local labels = self.owner .. ("\0" .. OVERFLOW):rep(#self.labels)
        self.overflow = series.new(self.kind, (find_series(self, labels, true)))
    end
    return self.overflow
end

local function add_series(self, key, is_short)
    local number, code
    if self.family and is_short then
        number, code = find_series(self, self.owner .. "\0" .. key)
    end
    if self.family and not number and (not is_short or code == "too_large") then
        return take_overflow(self)
    end
    local added = series.new(self.kind, number)
    if number then
        self.known[key] = added
    end
    return added
end

local function check_count(self, count)
    if count ~= #self.labels then
        error(("%s:with takes %d values, of %s, got %d"):format(self.name, #self.labels,
            table.concat(self.labels, ", "), count), 5)
    end
end

-- The key of values that are no texts yet, or hold what separates values.
local function make_key(self, ...)
    local values, is_short = { ... }, true
    check_count(self, select("#", ...))
    for i = 1, #self.labels do
        local kind = type(values[i])
        if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
            error(("%s:with takes texts, numbers and booleans; %s is %s"):format(self.name,
                self.labels[i], kind == "nil" and "nil" or "a " .. kind), 4)
        end
        values[i] = tostring(values[i]):gsub("%z", "?")
        is_short = is_short and #values[i] <= MAX_VALUE_SIZE
    end
    return table.concat(values, "\0"), is_short
end

local function find_anew(self, ...)
    local key, is_short = make_key(self, ...)
    return self.known[key] or add_series(self, key, is_short)
end

-- Values in which stands what separates them make the key of no series: it has been replaced there.
local function with_one(self, ...)
    local value = ...
    local known = self.known[value]
    if known and select("#", ...) == 1 then
        return known
    end
    return (find_anew(self, ...))
end

local function with_two(self, ...)
    local first, second = ...
    if type(first) == "string" and type(second) == "string" and select("#", ...) == 2 then
        local known = self.known[first .. "\0" .. second]
        if known then
            return known
        end
    end
    return (find_anew(self, ...))
end

local function with_many(self, ...)
    return (find_anew(self, ...))
end

-- A metric with labels has no series of its own.
local function refuse(method)
    return function(self)
        error(("%s has the label%s %s: say %s:with(%s):%s()"):format(self.name,
            #self.labels > 1 and "s" or "", table.concat(self.labels, ", "), self.name,
            table.concat(self.labels, ", "), method), 2)
    end
end

local function labelled_metatables(kind)
    local refused = {}
    for method in pairs(series.methods[kind]) do
        refused[method] = refuse(method)
    end
    local by_count = {}
    for count, with in ipairs({ with_one, with_two, with_many }) do
        by_count[count] = { __index = setmetatable({ with = with }, { __index = refused }) }
    end
    return by_count
end

local LABELLED = {}
for kind in pairs(series.methods) do
    LABELLED[kind] = labelled_metatables(kind)
end

-- The script and the line that asks for a metric.
local function where_asked()
    local source, line = host.place(5)
    return (source:gsub("^[@=]", "")), line
end

-- The number of the family for the host, or nil without memory.
local function open_family(self)
    local labels = { "service", unpack(self.labels) }
    local text = table.concat({ self.name, self.owner, table.concat(labels, ","), self.help },
        "\n")
    local family, code = host.metric_family(self.kind, text, self.buckets)
    if code == "exists" then
        error(("another service has a metric %s that is no %s: those of one name are of one kind")
            :format(self.name, self.kind), 5)
    elseif not family then
        warn_of(self.name, code)
    end
    return family or nil
end

local function open_metric(kind, name, help, options)
    local self = { kind = kind, name = name, help = help, labels = { unpack(options or {}) },
        owner = log_settings.name, known = {},
        at = ("%s:%d"):format(where_asked()) }
    if kind == "histogram" then
        self.buckets = options and options.buckets or shape.DEFAULT_BUCKETS
    end
    self.family = open_family(self)
    if #self.labels > 0 then
        return setmetatable(self, LABELLED[kind][math.min(#self.labels, #LABELLED[kind])])
    end
    local own = series.new(kind, self.family and find_series(self, self.owner))
    for field, value in pairs(self) do
        own[field] = own[field] or value
    end
    return own
end

local function describe(metric)
    return shape.describe(metric.kind, metric.labels, metric.buckets)
end

-- The one there is, which a module and its script may both ask for.
local function find_metric(kind, name, options)
    local known = by_name[name]
    if not known then
        return nil
    end
    local buckets = kind == "histogram" and (options and options.buckets or shape.DEFAULT_BUCKETS)
    local wanted = shape.describe(kind, options or {}, buckets)
    if wanted ~= describe(known) then
        error(("%s is %s since %s, and cannot be %s as well"):format(name, describe(known),
            known.at, wanted), 4)
    end
    return known
end

local function define(kind, name, help, options)
    local problem = shape.problem(kind, name, help, options)
    if problem then
        error(("metrics.%s %s"):format(kind, problem), 3)
    end
    local metric = find_metric(kind, name, options) or open_metric(kind, name, help, options)
    by_name[name] = metric
    return metric
end

--- What only grows, such as requests: inc(), add(n).
-- @param name ends in _total
-- @param help one sentence, for people
-- @param labels names of labels or nil; with(...) takes their values
function metrics.counter(name, help, labels)
    local metric = define("counter", name, help, labels)
    return metric
end

--- What goes up and down: set(value), inc(), dec(), add(n). It is that of this generation of the
-- service in this worker, and goes with it.
function metrics.gauge(name, help, labels)
    local metric = define("gauge", name, help, labels)
    return metric
end

--- How values are spread: observe(value).
-- @param options names of labels, and `buckets` = bounds that grow; 5 ms to 10 s when left out
function metrics.histogram(name, help, options)
    local metric = define("histogram", name, help, options)
    return metric
end

return metrics
