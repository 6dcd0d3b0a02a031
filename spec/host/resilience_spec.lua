--- perigee.destination between real hosts: retries, hedges, breakers, bulkheads and checks, by the
-- gateway and by RPC.
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local metrics = require "spec.support.metrics"
local perigee = require "perigee"

local FRONT = [[
    local destination = require "perigee.destination"
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local rpc = require "perigee.rpc"
    local app = http.router()

    local function proxy(path, options)
        options.service = "users"
        app:all(path .. "/*rest", gateway.proxy(options))
    end

    proxy("/plain", { ejection = false, breaker = false })
    proxy("/retried", { ejection = false, breaker = false, retries = true,
        budget = { most = 1000 } })
    proxy("/hedged", { hedge = { after_s = 0.1 } })
    proxy("/broken", { ejection = false })
    proxy("/narrow", { bulkhead = { calls = 1, queued = 0 } })
    proxy("/checked", { balancer = "round_robin",
        health = { path = "/users/healthz", every_s = 0.1, timeout_s = 1 } })

    destination.configure("Counter", { ejection = false, breaker = false, retries = true,
        idempotent = { "Get" }, budget = { most = 1000 } })
    local counter = rpc.service("Counter")
    app:get("/ask/*rest", function(request)
        local response, code, detail = http.get("http+service://users/" .. request.params.rest,
            { destination = { retries = request.query.retries and true or nil } })
        return response and response.status or 503, response and response:text()
            or ("%s %s"):format(code, detail)
    end)

    app:get("/call/:method/:mode", function(request)
        local options = request.params.mode == "asked" and { is_idempotent = true } or nil
        local value, code, detail = counter:call(request.params.method, nil, options)
        return value or ("%s %s"):format(code, detail)
    end)
    return { http = app, mount = "/" }
]]

-- Its state can be changed from outside: how many of the next requests fail, whether it is slow,
-- whether it is healthy.
local USERS = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()
    local failures, is_healthy, count, wait_s = 0, true, 0, 0
    local LATE = "perigee: the deadline of the call has passed"

    app:post("/set", function(request)
        local body = request:json()
        failures, is_healthy = body.failures or 0, body.is_healthy ~= false
        wait_s, count = body.wait_s or 0, 0
        return "set"
    end)
    app:get("/count", function() return tostring(count) end)
    app:get("/healthz", function() return is_healthy and 200 or 503, "health" end)
    app:all("/work", function(_, response)
        count = count + 1
        perigee.sleep(wait_s)
        if failures > 0 then
            failures = failures - 1
            return 503, "ill"
        end
        return "%s"
    end)

    return { http = app, rpc = { Counter = {
        Get = function()
            count = count + 1
            if failures > 0 then
                failures = failures - 1
                perigee.sleep(0.01)
                return nil, { code = -32001, message = LATE }
            end
            return "%s"
        end,
        Add = function()
            count = count + 1
            return nil, { code = -32001, message = LATE }
        end,
    } } }
]]

describe("calls of other hosts", function()
    local server, front, users

    local function start(services)
        return host.start { services = services, flags = { "--registry", server:location(),
            "--registry-ttl", "2", "--drain-delay", "100ms" } }
    end

    setup(function()
        server = etcd.start()
        users = { a = start({ ["users.lua"] = USERS:format("a", "a") }),
            b = start({ ["users.lua"] = USERS:format("b", "b") }) }
        front = start({ ["front.lua"] = FRONT })
        local seen = {}
        eventually(function()
            seen[front:get("/checked/work").body] = true
            return seen.a and seen.b
        end, "both are known")
        front:wait_until(function()
            return front:get("/call/Get/plain").body:find("^[ab]$")
        end, "so is what they offer by RPC")
    end)

    teardown(function()
        host.stop_all()
        etcd.stop_all()
    end)

    local function set(name, state)
        assert.equal("set", users[name]:post("/users/set", require("perigee.json").encode(state))
            .body)
    end

    local function total()
        return tonumber(users.a:body("/users/count")) + tonumber(users.b:body("/users/count"))
    end

    local function counters(service)
        return front:service("front").isolates[1].destinations[service]
    end

    before_each(function()
        set("a", {})
        set("b", {})
    end)

    it("are tried again where that was asked for, and only there", function()
        set("a", { failures = 1 })
        set("b", { failures = 1 })
        local before = counters("users").retries
        assert.matches("^[ab]$", front:body("/retried/work"))
        assert.equal(3, total())
        assert.equal(before + 2, counters("users").retries)
        set("a", { failures = 1000 })
        set("b", { failures = 1000 })
        local answer = front:get("/retried/work")
        assert.equal(503, answer.status)
        assert.equal("ill", answer.body)
        assert.equal(3, total())
        assert.equal(503, front:get("/plain/work").status)
        assert.equal(4, total())
        -- A POST may have done something.
        assert.equal(503, front:post("/retried/work", "").status)
        assert.equal(5, total())
    end)

    it("are asked of another one when one is slow", function()
        set("a", { wait_s = 20 })
        for _ = 1, 4 do
            local started = perigee.now()
            assert.equal("b", front:body("/hedged/work"))
            assert.is_true(perigee.now() - started < 10)
        end
        assert.is_true(counters("users").hedges >= 1)
    end)

    it("are refused by the breaker while most fail, and it says so", function()
        set("a", { failures = 10000 })
        set("b", { failures = 10000 })
        local refused
        for _ = 1, 200 do
            local answer = front:get("/broken/work")
            assert.equal(503, answer.status)
            refused = answer.body:find("rejected by breaker", 1, true) and answer.body or refused
        end
        assert.matches("rejected by breaker for users/GET %(%d+ %%%)", refused)
        assert.is_true(total() < 180)
        local seen = counters("users")
        assert.is_true(seen.rejected_by_breaker > 20)
        assert.is_true(seen.breakers.GET.refusal > 0.5)
    end)

    it("are refused by the bulkhead when as many are under way as may be", function()
        set("a", { wait_s = 0.3 })
        set("b", { wait_s = 0.3 })
        local first = perigee.go(function() return front:get("/narrow/work").status end)
        eventually(function() return total() == 1 end, "the first is under way")
        local answer = front:get("/narrow/work")
        assert.equal(503, answer.status)
        assert.matches("rejected by bulkhead for users: 1 calls are under way and 0 wait",
            answer.body)
        assert.equal(200, select(2, first:join()))
        assert.equal(200, front:get("/narrow/work").status)
    end)

    it("leave out who does not pass its checks, until it does", function()
        set("a", { is_healthy = false })
        front:wait_for_log("an instance does not work.*status 503")
        for _ = 1, 10 do
            assert.equal("b", front:body("/checked/work"))
        end
        set("a", {})
        front:wait_for_log("an instance works again")
        local seen = {}
        eventually(function()
            seen[front:body("/checked/work")] = true
            return seen.a and seen.b
        end, "both are called again")
    end)

    it("by a client of HTTP go the same way", function()
        assert.matches("^[ab]$", front:body("/ask/work"))
        set("a", { failures = 1 })
        set("b", { failures = 1 })
        assert.matches("^[ab]$", front:body("/ask/work?retries=1"))
        assert.equal(3, total())
        set("a", { failures = 1 })
        set("b", { failures = 1 })
        assert.equal(503, front:get("/ask/work").status)
        assert.equal(1, total())
        local before = counters("users").requests
        front:get("/ask/work")
        assert.equal(before + 1, counters("users").requests)
    end)

    it("by RPC are tried again when the method was said to allow it", function()
        set("a", { failures = 1 })
        set("b", { failures = 1 })
        assert.matches("^[ab]$", front:body("/call/Get/plain"))
        assert.equal(3, total())
        set("a", {})
        set("b", {})
        local late = "timeout perigee: the deadline of the call has passed"
        assert.equal(late, front:body("/call/Add/plain"))
        assert.equal(1, total())
        assert.equal(late, front:body("/call/Add/asked"))
        assert.equal(4, total())
    end)

    it("are counted as metrics, too", function()
        front:get("/retried/work")
        local values = metrics.read(front).values
        local seen = counters("users")
        local function value_of(name, more)
            return values[('%s{service="front",target="users"%s}'):format(name, more or "")]
        end
        assert.equal(seen.requests, value_of "lb_calls_total")
        assert.equal(seen.retries, value_of "lb_retries_total")
        assert.equal(seen.hedges, value_of "lb_hedges_total")
        assert.equal(seen.rejected_by_breaker, value_of "breaker_rejections_total")
        assert.equal(seen.rejected_by_bulkhead, value_of "bulkhead_rejections_total")
        for id, instance in pairs(seen.instances) do
            assert.equal(instance.requests, value_of("lb_picks_total",
                (',instance="%s"'):format(id)))
        end
        assert.equal(2, value_of("lb_instances", ',state="available",worker="1"'))
        assert.is_true(value_of("breaker_refusal_ratio", ',method="GET",worker="1"') >= 0)
    end)

    it("end when their host is gone, and go on elsewhere", function()
        local pid = users.a:status().workers[1].pid
        users.a.program:kill()
        -- It may have gone with its supervisor.
        os.execute(("kill -9 %d 2>/dev/null"):format(pid))
        for _ = 1, 100 do
            assert.equal("b", front:body("/retried/work"))
        end
        for _ = 1, 20 do
            assert.equal("b", front:body("/call/Get/plain"))
        end
    end)
end)
