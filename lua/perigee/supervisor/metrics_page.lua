--- /metrics: the page Prometheus reads, in its own format or in OpenMetrics, whichever the client
-- prefers, compressed when it likes that.
local exposition = require "perigee.metrics.exposition"
local http = require "perigee.http"
local parameters = require "perigee.http.parameters"

local page = {}

-- Most of the time of a large page would go into more compression.
local LEVEL = 1

local function quality_of(accepted, wanted)
    local best = 0
    for item in accepted:gmatch("[^,]+") do
        local name, of_item = parameters.parse(item)
        if name and name:lower() == wanted then
            best = math.max(best, tonumber(of_item.q) or 1)
        end
    end
    return best
end

--- "openmetrics" for a client that likes it better than plain text, else "prometheus".
function page.choose_format(accepted)
    local open = quality_of(accepted or "", "application/openmetrics-text")
    return open > quality_of(accepted or "", "text/plain") and "openmetrics" or "prometheus"
end

--- Adds the route to the router of the admin port.
function page.mount(app, supervisor)
    local compress = http.compress({ level = LEVEL,
        types = { "text/plain", "application/openmetrics-text" } })
    app:get("/metrics", compress, function(request, response)
        local format = page.choose_format(request:header("accept"))
        response:header("Content-Type", exposition.CONTENT_TYPES[format])
        return exposition.render(supervisor.metrics:read(), format)
    end)
end

return page
