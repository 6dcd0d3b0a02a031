--- gateway.proxy as clients see it: requests and answers pass unchanged and in pieces, whoever is
-- not there is passed by.
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"

local GATEWAY = [[
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local app = http.router()
    app:all("/api/*rest", gateway.proxy { service = "users" })
    app:all("/of/:tenant/*rest", gateway.proxy { service = "users" })
    app:all("/none/*rest", gateway.proxy { service = "nobody" })
    app:all("/slow/*rest", gateway.proxy { service = "users", timeout_s = 0.2 })
    app:all("/turns/*rest", gateway.proxy { service = "users", balancer = "round_robin" })
    return { http = app, mount = "/" }
]]

local USERS = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()

    app:all("/echo/*rest", function(request, response)
        response:add_header("Set-Cookie", "a=1")
        response:add_header("Set-Cookie", "b=2")
        response:status(201)
        return { method = request.method, target = request.target, body = request:body(),
            host = request:header("host"), by = request:header("x-forwarded-for"),
            proto = request:header("x-forwarded-proto"), tag = request:header("x-tag"),
            own = request:header("x-own"), of = request:header("x-forwarded-host") }
    end)

    app:get("/who", function() return "%s" end)
    app:get("/", function() return "root" end)
    app:get("/empty", function(_, response) response:no_content() end)
    app:get("/broken", function(_, response)
        response:write("half")
        perigee.sleep(0.05)
        error("it breaks")
    end)
    app:get("/hang", function() perigee.chan():recv() end)
    app:get("/large", function(_, response)
        for _ = 1, 200 do
            response:write(("x"):rep(10000))
        end
    end)
    app:post("/size", function(request)
        local size = 0
        for piece in request:chunks() do
            size = size + #piece
        end
        return tostring(size)
    end)

    return { http = app }
]]

describe("gateway.proxy", function()
    local running

    setup(function()
        running = host.start { services = { ["gateway.lua"] = GATEWAY,
            ["users.lua"] = USERS:format("a") }, flags = { "--max-body", "64MB" } }
        running:wait_for_body("/api/who", "a")
    end)

    teardown(host.stop_all)

    it("passes requests on as they are, and who asked", function()
        local answer = running:request({ method = "PUT", target = "/api/echo/a%2Fb/?c=%20&d",
            body = "text", fields = { "X-Tag", "t", "Connection", "x-own", "X-Own", "mine",
                "X-Forwarded-For", "10.0.0.1" } })
        assert.equal(201, answer.status)
        assert.same({ "a=1", "b=2" }, answer.fields:get_all("set-cookie"))
        assert.same({
            method = "PUT", target = "/users/echo/a%2Fb/?c=%20&d", body = "text",
            host = running.http, by = "10.0.0.1, 127.0.0.1", proto = "http", tag = "t",
            of = running.http,
        }, json.decode(answer.body))
    end)

    it("reaches the root of a service", function()
        assert.equal("root", running:body("/api/"))
        assert.equal("a", running:body("/of/any%20body/who"))
    end)

    it("passes bodies in pieces, both ways", function()
        local size = 20 * 1024 * 1024
        assert.equal(tostring(size), running:post("/api/size", ("y"):rep(size)).body)
        assert.equal(2000000, #running:body("/api/large"))
    end)

    it("passes on answers without a body", function()
        local head = running:request({ method = "HEAD", target = "/api/who" })
        assert.equal(200, head.status)
        assert.equal("1", head:header("content-length"))
        assert.equal("", head.body)
        assert.equal(204, running:get("/api/empty").status)
        assert.equal(404, running:get("/api/no/such").status)
    end)

    it("lets nobody take half an answer for the whole", function()
        local reply = running:raw("GET /api/broken HTTP/1.1\r\nHost: a\r\n\r\n")
        assert.truthy(reply:find("half", 1, true))
        assert.is_nil(reply:find("\r\n0\r\n", 1, true))
    end)

    it("says what is wrong", function()
        local none = running:get("/none/x")
        assert.equal(503, none.status)
        assert.truthy(none.body:find("no instances of nobody (registry says 0 for 0 s)", 1, true),
            none.body)
        local slow = running:get("/slow/hang")
        assert.equal(504, slow.status)
        -- Whoever is first says so: the instance knows how long the gateway waits.
        assert.truthy(slow.body:find("users: ", 1, true)
            or slow.body:find("The deadline of the request has passed", 1, true), slow.body)
    end)

    it("counts in /status what it calls, and shows it", function()
        running:body("/api/who")
        local before = running:service("gateway").isolates[1].destinations
        running:get("/api/who")
        local counters = running:service("gateway").isolates[1].destinations
        assert.equal(before.users.requests + 1, counters.users.requests)
        assert.equal(counters.nobody.requests, counters.nobody.without_instance)
        local _, one = next(counters.users.instances)
        assert.equal(counters.users.requests, one.requests)
        assert.is_true(one.is_healthy)
        local _, text = program.run { "status", "--admin", running.admin }
        assert.matches("CALLED%s+CALLS", text)
        assert.matches("\n +users +%d+ +%d+ +%d+ +%d+ +%d+ +1 +0\n", text)
    end)

    it("refuses options that it does not know when the script is loaded", function()
        local other = host.start { services = { ["a.lua"] = [[
            return { http = require("perigee.gateway").proxy { service = "a", balancers = "x" } }
        ]] } }
        other:wait_for_log("a%.lua:1: gateway%.proxy: there is no option 'balancers'")
    end)
end)

describe("gateway.proxy over several hosts", function()
    local server

    before_each(function()
        server = etcd.start()
    end)

    after_each(function()
        host.stop_all()
        etcd.stop_all()
    end)

    local function start(services)
        return host.start { services = services, flags = { "--registry", server:location(),
            "--registry-ttl", "2", "--drain-delay", "200ms" } }
    end

    local function start_users(name)
        return start({ ["users.lua"] = USERS:format(name) })
    end

    local function count(front, path, total)
        local counts = {}
        for _ = 1, total do
            local answer = front:get(path)
            local what = answer.status == 200 and answer.body or tostring(answer.status)
            counts[what] = (counts[what] or 0) + 1
        end
        return counts
    end

    local function start_all()
        local front = start({ ["gateway.lua"] = GATEWAY })
        local first, second = start_users("a"), start_users("b")
        eventually(function()
            local counts = count(front, "/turns/who", 10)
            return counts.a and counts.b
        end, "both are asked")
        return front, first, second
    end

    it("spreads requests evenly in turn", function()
        local front = start_all()
        assert.same({ a = 50, b = 50 }, count(front, "/turns/who", 100))
    end)

    it("loses no request while one leaves, and none when one dies between requests", function()
        local front, first = start_all()
        first:signal(15)
        repeat
            local counts = count(front, "/api/who", 50)
            assert.equal(50, (counts.a or 0) + (counts.b or 0))
        until first.program:has_ended()
        assert.same({ b = 50 }, count(front, "/api/who", 50))
        local third = start_users("c")
        eventually(function()
            return count(front, "/turns/who", 10).c
        end, "the third is asked")
        third.program:kill()
        assert.same({ b = 50 }, count(front, "/api/who", 50))
    end)
end)
