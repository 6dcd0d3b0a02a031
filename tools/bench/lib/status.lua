--- Sums over what /status tells, read as JSON from standard input: status.lua NAME...
-- A name is a field of an isolate (heap_size, busy_s, cuts, in_flight, tasks) or of a service
-- (reloads, failures, restarts), or `isolates`, their count. Prints one number each.
local cjson = require "cjson"

local report = cjson.decode(io.read("*a"))

local sums = { isolates = 0 }

local function add(fields)
    for name, value in pairs(fields) do
        if type(value) == "number" then
            sums[name] = (sums[name] or 0) + value
        end
    end
end

for _, service in ipairs(report.services) do
    add({ reloads = service.reloads, failures = service.failures, restarts = service.restarts })
    for _, isolate in ipairs(service.isolates) do
        sums.isolates = sums.isolates + 1
        add(isolate)
    end
end

local numbers = {}
for i, name in ipairs(arg) do
    numbers[i] = ("%.10g"):format(sums[name] or 0)
end
print(table.concat(numbers, " "))
