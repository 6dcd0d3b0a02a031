--- docs/metrics.md lists every metric of the host, and nothing else.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local metrics = require "spec.support.metrics"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
app:get("/", function() return "hello" end)
return { http = app, rpc = { Shop = { Count = function() return 1 end } } }
]]

-- Only with a registry, with TLS, or when a limit was reached.
local ELSEWHERE = { perigee_service_limits_reached_total = true,
    perigee_registry_update_age_seconds = true,
    perigee_tls_not_after_timestamp_seconds = true, perigee_tls_reloads_total = true }

-- name -> kind, of the rows of the table.
local function documented()
    local kinds = {}
    for line in io.lines("docs/metrics.md") do
        local name, kind = line:match("^| `([%w_]+)` | (%l+) | ")
        if name then
            kinds[name] = kind
        end
    end
    return kinds
end

describe("docs/metrics.md", function()
    after_each(host.stop_all)

    it("lists what is on the page", function()
        local running = host.start({ services = { ["shop.lua"] = SERVICE },
            flags = { "--influx", "http://127.0.0.1:9?db=x" } })
        running:body("/shop")
        running:request({ method = "POST", target = "/rpc/Shop.Count", body = "[]",
            fields = { "Content-Type", "application/json" } })
        eventually(function()
            return metrics.value(running, 'perigee_service_tasks{service="shop",worker="1"}')
        end, "the worker has told of its services")
        local kinds, known = metrics.read(running).kinds, documented()
        for name in pairs(ELSEWHERE) do
            assert.truthy(known[name], name .. " is not documented")
            kinds[name] = known[name]
        end
        assert.same(known, kinds)
    end)
end)
