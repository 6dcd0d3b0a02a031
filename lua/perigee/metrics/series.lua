--- What is counted: one series of a counter, a gauge or a histogram, a number to the host.
local host = require "host"

local add, set, observe = host.metric_add, host.metric_set, host.metric_observe

local series = {}

local function check_number(value, method)
    if type(value) ~= "number" or value ~= value or value == math.huge or value == -math.huge then
        error(("%s takes a number, got %s"):format(method, tostring(value)), 3)
    end
end

local Counter = {}

--- Adds 1.
function Counter:inc()
    add(self.number, 1)
end

--- Adds `n`, which is not negative.
function Counter:add(n)
    check_number(n, "add")
    if n < 0 then
        error(("a counter only grows, and %s is negative; a gauge can shrink"):format(n), 2)
    end
    add(self.number, n)
end

--- What was counted since the worker of this isolate knows of it.
function Counter:value()
    return host.metric_values(self.number)[1]
end

local Gauge = {}

function Gauge:set(value)
    check_number(value, "set")
    set(self.number, value)
end

--- Adds 1.
function Gauge:inc()
    add(self.number, 1)
end

--- Takes 1 away.
function Gauge:dec()
    add(self.number, -1)
end

--- Adds `n`, which may be negative.
function Gauge:add(n)
    check_number(n, "add")
    add(self.number, n)
end

--- What this isolate has set.
function Gauge:value()
    return host.metric_values(self.number)[1]
end

local Histogram = {}

--- Counts `value` in its bucket, the first whose bound is not below it.
function Histogram:observe(value)
    check_number(value, "observe")
    observe(self.number, value)
end

--- How many were observed, and their sum.
function Histogram:value()
    local values = host.metric_values(self.number)
    local count = 0
    for i = 1, #values - 1 do
        count = count + values[i]
    end
    return count, values[#values]
end

-- In place of a series for which there was no memory: takes what the others take.
local function idle(methods)
    local idling = {}
    for name in pairs(methods) do
        idling[name] = function() end
    end
    idling.value = function()
        return 0, 0
    end
    return { __index = idling }
end

local KINDS = { counter = Counter, gauge = Gauge, histogram = Histogram }
local metatables, idle_metatables = {}, {}
for kind, methods in pairs(KINDS) do
    metatables[kind], idle_metatables[kind] = { __index = methods }, idle(methods)
end

--- The methods of a kind.
series.methods = KINDS

--- The series with this number; one that counts nothing when there is none.
function series.new(kind, number)
    return setmetatable({ number = number or false }, (number and metatables
        or idle_metatables)[kind])
end

return series
