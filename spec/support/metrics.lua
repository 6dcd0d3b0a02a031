--- The page /metrics of a running host, taken apart.
local assert = require "luassert"

local metrics = {}

--- { values = what stands at the end of each line by what stands before it, kinds = of families by
-- name, text=, answer= }. Fails the spec where a line is no line of the format or stands there
-- twice. `fields` are those of the request.
function metrics.read(running, fields)
    local answer = running:request({ address = running.admin, target = "/metrics",
        fields = fields })
    assert.equal(200, answer.status)
    local page = { values = {}, kinds = {}, text = answer.body, answer = answer }
    for line in answer.body:gmatch("([^\n]*)\n") do
        local name, value = line:match("^([%a_:][%w_:]*%b{}) (%S+)$")
        if not name then
            name, value = line:match("^([%a_:][%w_:]*) (%S+)$")
        end
        local family, kind = line:match("^# TYPE (%S+) (%l+)$")
        if name then
            assert.is_nil(page.values[name], "twice: " .. line)
            page.values[name] = assert(tonumber(value), line)
        elseif family then
            assert.is_nil(page.kinds[family], "twice: " .. line)
            page.kinds[family] = kind
        else
            assert.truthy(line == "# EOF" or line:find("^# HELP %S+ %S"), line)
        end
    end
    return page
end

--- The value of one line; nil when it is not there.
function metrics.value(running, name)
    return metrics.read(running).values[name]
end

return metrics
