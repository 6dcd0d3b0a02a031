--- --influx: a host sends its metrics to the InfluxDB of the distribution, and does what is right
-- when that does not take them.
local daemon = require "spec.support.daemon"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local influxdb = require "spec.support.influxdb"
local metrics = require "spec.support.metrics"
local program = require "spec.support.program"

local SHOP = [[
local http = require "perigee.http"
local metrics = require "perigee.metrics"
local taken = metrics.counter("taken_total", "Taken.", { "kind" })
local app = http.router()
app:get("/", function(request)
    taken:with(request.query.kind or "book"):inc()
    return "done"
end)
return { http = app }
]]

-- Answers writes with the statuses it is told, one after the other, the last for ever, and tells
-- what came.
local STUB = [[
local http = require "perigee.http"
local perigee = require "perigee"
local statuses, requests = { %s }, {}
local app = http.router()
app:post("/*path", function(request)
    local body = request:body()
    local status = #statuses > 1 and table.remove(statuses, 1) or statuses[1]
    local _, lines = body:gsub("\n", "\n")
    requests[#requests + 1] = { status = status, lines = lines, path = request.path,
        query = request.query, token = request:header("authorization"), body = body:sub(1, 2000),
        taken = body:match("taken_total[^\n]*") }
    return status, status < 300 and "" or "no"
end)
app:get("/seen", function() return requests end)
return { http = app, mount = "/", limits = { body = "8MB" } }
]]

local WRITTEN = "perigee_influx_points_written_total"
local DROPPED = 'perigee_influx_points_dropped_total{reason="%s"}'

local function start_shop(location, interval)
    return host.start({ services = { ["shop.lua"] = SHOP },
        flags = { "--influx", location, "--influx-interval", interval or "200ms" } })
end

local function start_stub(statuses)
    return host.start({ services = { ["stub.lua"] = STUB:format(statuses) },
        flags = { "--max-body", "8MB" } })
end

local function seen(stub, count)
    local requests
    eventually(function()
        requests = stub:json("/seen")
        return #requests >= count
    end, count .. " writes have come")
    return requests
end

describe("a host with --influx", function()
    after_each(function()
        host.stop_all()
        daemon.stop_all()
    end)

    it("writes points that InfluxDB understands", function()
        local influx = influxdb.start()
        influx:query("CREATE DATABASE metrics")
        local running = start_shop("http://" .. influx.address .. "?db=metrics&host=here")
        for _ = 1, 3 do
            running:body("/shop")
        end
        running:body("/shop?kind=a%20%22b%22,c=d%5C%0A%FF%5C")
        eventually(function()
            local rows = influx:rows("SELECT last(value) FROM taken_total WHERE host='here' "
                .. "AND service='shop' AND kind='book'", "metrics")
            return rows[1] and rows[1][2] == 3
        end, "the counter is there")
        local rows = influx:rows("SELECT last(value) FROM taken_total WHERE kind =~ /^a /",
            "metrics")
        assert.equal(1, rows[1][2])
        eventually(function()
            rows = influx:rows("SELECT last(count), last(sum), last(\"le_+Inf\") FROM "
                .. "http_server_request_duration_seconds WHERE route='/shop'", "metrics")
            return rows[1] and rows[1][2] == 4
        end, "the histogram is there")
        assert.equal(4, rows[1][4])
        eventually(function()
            return metrics.value(running, WRITTEN) > 50
        end, "the points are counted")
        local page = metrics.read(running)
        assert.equal(0, page.values[DROPPED:format("refused")])
        assert.equal(0, page.values.perigee_influx_failures_total)
        influx:stop()
    end)

    it("waits for a database that is not there yet", function()
        local influx = influxdb.start()
        local running = start_shop("http://" .. influx.address .. "?db=later")
        running:wait_for_log("status 404, tried again: .*database not found")
        influx:query("CREATE DATABASE later")
        eventually(function()
            return metrics.value(running, WRITTEN) > 0
        end, "points are written")
        influx:stop()
    end)

    it("writes what it has when it stops", function()
        local stub = start_stub("204")
        local running = start_shop("http://" .. stub.http .. "?db=x", "60s")
        running:body("/shop")
        running:stop()
        local requests = seen(stub, 1)
        assert.matches("^taken_total,host=[^,]+,kind=book,service=shop value=1 %d+$",
            requests[1].taken)
    end)

    it("speaks version 2", function()
        local stub = start_stub("204")
        start_shop("http://" .. stub.http .. "?org=us&bucket=all%20of%20it&token=secret")
        local first = seen(stub, 1)[1]
        assert.equal("/api/v2/write", first.path)
        assert.same({ org = "us", bucket = "all of it", precision = "ms" }, first.query)
        assert.equal("Token secret", first.token)
    end)

    it("passes version 1 its policy and login", function()
        local stub = start_stub("204")
        start_shop("http://" .. stub.http .. "?db=d&rp=week&u=me&p=secret")
        local first = seen(stub, 1)[1]
        assert.equal("/write", first.path)
        assert.same({ db = "d", rp = "week", u = "me", p = "secret", precision = "ms" },
            first.query)
    end)

    it("sends a batch again that was not taken, and no other first", function()
        local stub = start_stub("503, 204")
        local running = start_shop("http://" .. stub.http .. "?db=x")
        local requests = seen(stub, 2)
        assert.equal(requests[1].body, requests[2].body)
        assert.equal(1, metrics.value(running, "perigee_influx_failures_total"))
        assert.equal(0, metrics.value(running, DROPPED:format("refused")))
    end)

    it("does not send again what was refused, or taken in part", function()
        for _, status in ipairs({ 400, 401, 500 }) do
            local stub = start_stub(status .. ", 204")
            local running = start_shop("http://" .. stub.http .. "?db=x")
            local requests = seen(stub, 2)
            assert.not_equal(requests[1].body, requests[2].body)
            assert.equal(requests[1].lines, metrics.value(running, DROPPED:format("refused")))
            running:wait_for_log(("status %d, not tried again: no"):format(status))
        end
    end)

    it("sends halves of what is too large", function()
        local stub = start_stub("413, 204")
        start_shop("http://" .. stub.http .. "?db=x")
        local requests = seen(stub, 3)
        assert.equal(requests[1].lines, requests[2].lines + requests[3].lines)
        assert.equal(requests[1].body:match("[^\n]+"), requests[2].body:match("[^\n]+"))
    end)

    it("keeps so much that was not taken, and counts what it drops", function()
        local running = start_shop("http://" .. daemon.free_address() .. "?db=x", "100ms")
        running:wait_for_log("InfluxDB at .*: refused, tried again")
        eventually(function()
            local page = metrics.read(running)
            assert.truthy(page.values.perigee_influx_waiting_batches <= 50)
            return page.values[DROPPED:format("full")] > 0
        end, "the queue is full")
        assert.equal("done", running:body("/shop"))
    end)

    local function refuse(location, pattern)
        local status, _, log = program.run({ "serve", ".", "--influx", location })
        assert.equal(2, status)
        assert.matches(pattern, log)
    end

    it("refuses what is no place of an InfluxDB", function()
        refuse("localhost:8086", "%-%-influx: 'localhost:8086' is not http://HOST:PORT%?db=NAME")
        refuse("http://localhost?db=x", "is not http://HOST:PORT")
        refuse("http://localhost:8086", "version 2 takes org=, bucket= and token=; "
            .. "version 1 takes db=")
        refuse("http://localhost:8086?db=x&token=y", "db= is of version 1")
        refuse("http://localhost:8086?db=x&hots=y", "there is no hots=: did you mean host=%?")
        refuse("http://localhost:8086?org=x", "version 2 takes")
    end)

    it("does not tell the token", function()
        local status, _, log = program.run({ "serve", ".", "--influx", "http://a?token=secret" })
        assert.equal(2, status)
        assert.falsy(log:find("secret", 1, true))
    end)
end)
