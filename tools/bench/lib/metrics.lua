--- The service of tools/bench/metrics: 10,000 series, a plain text, and loops that count.
local http = require "perigee.http"
local metrics = require "perigee.metrics"

local FAMILIES, SERIES, COUNT = 10, 1000, 5000000

for family = 1, FAMILIES do
    local many = metrics.counter(("many_%d_total"):format(family), "Many.", { "item" })
    for item = 1, SERIES do
        many:with("item " .. item):add(item * family / 7)
    end
end

local counter = metrics.counter("counted_total", "Counted.", { "kind" })
local pairs_of = metrics.counter("pairs_total", "Counted.", { "kind", "size" })
local histogram = metrics.histogram("spread_seconds", "Spread.", { "kind" })
local book, spread = counter:with("book"), histogram:with("book")

local LOOPS = {
    inc = function() book:inc() end,
    ["with-one-label"] = function() counter:with("book"):inc() end,
    ["with-two-labels"] = function() pairs_of:with("book", "large"):inc() end,
    observe = function() spread:observe(0.3) end,
}

local app = http.router()

app:get("/text", function()
    return "Hello, world!"
end)

-- Nanoseconds of one of them.
app:get("/count/:what", function(request)
    local fn, began = LOOPS[request.params.what], os.clock()
    for _ = 1, COUNT do
        fn()
    end
    return ("%.1f"):format((os.clock() - began) / COUNT * 1e9)
end)

return { http = app }
