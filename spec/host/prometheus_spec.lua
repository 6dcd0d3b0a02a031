--- The Prometheus of the distribution reads a host, promtool finds no fault with its page, and what
-- tools/monitoring/ asks for is there.
local daemon = require "spec.support.daemon"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local metrics = require "spec.support.metrics"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"
local url = require "perigee.http.url"

local PROMETHEUS, PROMTOOL = "/usr/bin/prometheus", "/usr/bin/promtool"
local MONITORING = "tools/monitoring/"

local CONFIGURATION = [[
global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }
rule_files: [ "%s" ]
scrape_configs:
  - job_name: perigee
    static_configs: [ { targets: [ "%s" ] } ]
]]

local SHOP = [[
local http = require "perigee.http"
local metrics = require "perigee.metrics"
local taken = metrics.counter("taken_total", "Orders that were taken: \\ \" ä.", { "kind" })
local sizes = metrics.histogram("order_items", "Items of an order.", { buckets = { 1, 2.5, 10 } })
local open = metrics.gauge("open_doors", "Open doors.")
open:set(2)
local app = http.router()
app:get("/", function(request)
    taken:with(request.query.kind or "book"):inc()
    sizes:observe(3)
    return "done"
end)
return { http = app, rpc = { Shop = { Count = function() return 1 end } } }
]]

local function call(running)
    local answer = running:request({ method = "POST", target = "/rpc/Shop.Count", body = "[]",
        fields = { "Content-Type", "application/json" } })
    assert.equal(200, answer.status)
end

local root

local function start_host(...)
    return host.start({ services = { ["shop.lua"] = SHOP }, workers = 2, flags = { ... } })
end

local function start_prometheus(running)
    root = temporary.new()
    local address = daemon.free_address()
    local here = io.popen("pwd"):read()
    root:write("prometheus.yml", CONFIGURATION:format(here .. "/" .. MONITORING
        .. "recording_rules.yml", running.admin))
    return daemon.start(PROMETHEUS, { "--config.file=" .. root:join("prometheus.yml"),
        "--storage.tsdb.path=" .. root:join("data"), "--web.listen-address=" .. address,
        "--log.level=error" }, address, "/-/ready")
end

local function query(prometheus, expression)
    local response = prometheus:request({ target = "/api/v1/query?query="
        .. url.encode(expression) })
    local answer = json.decode(response.body)
    assert.equal("success", answer.status, answer.error)
    local first = answer.data.result[1]
    return first and tonumber(first.value[2])
end

local function await_query(prometheus, expression, expected)
    eventually(function()
        return query(prometheus, expression) == expected
    end, expression .. " is " .. expected)
end

describe("Prometheus", function()
    after_each(function()
        daemon.stop_all()
        host.stop_all()
        if root then
            root:destroy()
            root = nil
        end
    end)

    it("reads a host, and answers what was counted", function()
        local running = start_host()
        for _ = 1, 7 do
            running:body("/shop")
        end
        running:body("/shop?kind=%22a%5C%0Ab%22%FF")
        local prometheus = start_prometheus(running)
        await_query(prometheus, 'up{job="perigee"}', 1)
        await_query(prometheus, 'sum(taken_total{service="shop",kind="book"})', 7)
        await_query(prometheus, 'taken_total{kind=~"(?s)\\"a.*"}', 1)
        await_query(prometheus, 'sum(http_server_request_duration_seconds_count{service="shop",'
            .. 'route="/shop",status="200"})', 8)
        await_query(prometheus, 'order_items_bucket{le="2.5"}', 0)
        await_query(prometheus, 'order_items_bucket{le="10.0"}', 8)
        await_query(prometheus, "sum(open_doors)", 4)
        await_query(prometheus, "sum(perigee_worker_up)", 2)
        await_query(prometheus, "histogram_quantile(0.5, sum by (le) (order_items_bucket)) "
            .. "> bool 1", 1)
    end)

    it("has its own rules over them", function()
        local running = start_host()
        local prometheus = start_prometheus(running)
        eventually(function()
            running:body("/shop")
            return (query(prometheus, "service:http_requests:rate5m") or 0) > 0
        end, "the rate is recorded")
    end)
end)

describe("promtool", function()
    after_each(host.stop_all)

    -- Which reads standard input.
    local function check_page(text)
        local folder = temporary.new()
        folder:write("page", text)
        local status, output, log = program.run({ "-c", PROMTOOL .. " check metrics <"
            .. folder:join("page") .. " 2>&1" }, { file = "/bin/sh" })
        folder:destroy()
        assert.equal("", output .. log)
        assert.equal(0, status)
    end

    it("finds no fault with the page", function()
        local running = start_host()
        running:body("/shop")
        call(running)
        check_page(metrics.read(running).text)
    end)

    local function run(...)
        local status, output, log = program.run({ ... }, { file = PROMTOOL })
        assert.equal(0, status, output .. log)
    end

    it("takes the configuration and the rules", function()
        run("check", "config", MONITORING .. "prometheus.yml")
    end)

    it("finds that each rule does what it shall", function()
        run("test", "rules", MONITORING .. "rules_test.yml")
    end)

    it("has a test for each alert", function()
        local tests = io.open(MONITORING .. "rules_test.yml"):read("*a")
        for name in io.open(MONITORING .. "alerts.yml"):read("*a"):gmatch("alert: (%w+)") do
            assert.truthy(tests:find("alertname: " .. name, 1, true), name .. " has no test")
        end
    end)
end)

describe("tools/monitoring", function()
    after_each(host.stop_all)

    local FUNCTIONS = { sum = true, rate = true, increase = true, histogram_quantile = true,
        topk = true, by = true, count = true, time = true, on = true, group_left = true }

    -- The names of metrics in an expression of PromQL.
    local function each_name(expression, found)
        local bare = expression:gsub("{.-}", ""):gsub("%b[]", ""):gsub("by %b()", "")
            :gsub("on %b()", "")
        for name in bare:gmatch("[%a_:][%w_:]*") do
            if not FUNCTIONS[name] and #name > 2 and name ~= "and" then
                found(name)
            end
        end
    end

    -- Families that are there, by the names their lines begin with, and what is recorded of them.
    local function known_names(running)
        local known = { up = true }
        for line in metrics.read(running).text:gmatch("[^\n]+") do
            known[line:match("^[%w_]+") or ""] = true
        end
        for name in io.open(MONITORING .. "recording_rules.yml"):read("*a")
            :gmatch("record: (%S+)") do
            known[name] = true
        end
        return known
    end

    local function expressions_of(node, list)
        for key, value in pairs(node) do
            if key == "expr" then
                list[#list + 1] = value
            elseif type(value) == "table" then
                expressions_of(value, list)
            end
        end
        return list
    end

    -- Only with TLS.
    local ABSENT = { perigee_tls_not_after_timestamp_seconds = true }

    local function check_all(expressions)
        local running = start_host()
        running:body("/shop")
        call(running)
        eventually(function()
            return metrics.value(running, 'perigee_service_tasks{service="shop",worker="1"}')
                and metrics.value(running, 'perigee_service_tasks{service="shop",worker="2"}')
        end, "the workers have told of their services")
        local known = known_names(running)
        assert.truthy(#expressions > 5)
        for _, expression in ipairs(expressions) do
            each_name(expression, function(name)
                assert.truthy(known[name] or ABSENT[name], name .. " is on no page: " .. expression)
            end)
        end
    end

    it("has a dashboard that asks for nothing that is not there", function()
        local dashboard = json.decode(io.open(MONITORING .. "grafana_dashboard.json"):read("*a"))
        check_all(expressions_of(dashboard.panels, {}))
    end)

    it("has rules and alerts that ask for nothing that is not there", function()
        local expressions = {}
        for _, file in ipairs({ "recording_rules.yml", "alerts.yml" }) do
            local text = io.open(MONITORING .. file):read("*a")
            for one in text:gmatch("expr: ([^|\n][^\n]*)") do
                expressions[#expressions + 1] = one
            end
            for block in text:gmatch("expr: |\n(.-)\n      [-%s]?%s?%s?[%l-]") do
                expressions[#expressions + 1] = block
            end
        end
        check_all(expressions)
    end)
end)
