--- A service with one replica runs in one worker, and requests reach it through any.
local host = require "spec.support.host"
local json = require "perigee.json"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
local count = 0
app:post("/count", function()
    count = count + 1
    return { count = count }
end)
app:all("/echo/*rest", function(request, response)
    response:status(202)
    response:header("X-Answer", "yes")
    response:add_header("Set-Cookie", "a=1")
    response:add_header("Set-Cookie", "b=2")
    return response:json {
        method = request.method, target = request.target, path = request.path, mount = request.mount,
        rest = request.params.rest, query = request.query, body = request:body(),
        field = request:header("x-question"), host = request:header("host"),
    }
end)
app:get("/fails", function() error("no") end)
return { http = app, replicas = 1 }
]]

local PLAIN = [[return { http = function() return "plain" end, mount = "/" }]]

-- Enough for both workers to get some, whatever the kernel chooses.
local CONNECTIONS = 24

describe("a service with one replica, in two workers,", function()
    local running

    before_each(function()
        running = host.start({ services = { ["one.lua"] = SERVICE, ["plain.lua"] = PLAIN },
            workers = 2 })
    end)

    after_each(host.stop_all)

    local function home()
        return running:service("one").isolates[1].worker
    end

    it("runs in one of them", function()
        assert.equal(1, #running:service("one").isolates)
        assert.equal(2, #running:service("plain").isolates)
    end)

    it("is reached through both, by new connections and by kept ones", function()
        local connections = {}
        for i = 1, CONNECTIONS do
            connections[i] = running:connect()
        end
        local expected = 0
        for _ = 1, 3 do
            for _, connection in ipairs(connections) do
                expected = expected + 1
                local answer = assert(connection:request({ method = "POST",
                    target = "/one/count" }))
                assert.equal(expected, json.decode(answer.body).count)
            end
        end
        for _, worker in ipairs(running:status().workers) do
            assert.is_true(worker.http.requests > 0)
        end
        for _, connection in ipairs(connections) do
            connection:close()
        end
    end)

    it("is reached through both at the root, too", function()
        running:remove("plain.lua")
        running:write("one.lua", (SERVICE:gsub("replicas = 1", 'replicas = 1, mount = "/"')))
        running:wait_until(function()
            return running:service("one").mount == "/"
        end, "it is mounted there")
        for _ = 1, CONNECTIONS do
            assert.equal(202, running:get("/echo/x").status)
        end
    end)

    it("gets every request as it was sent, and its answers come back as they were", function()
        for _ = 1, CONNECTIONS do
            local answer = running:request({
                method = "PUT", target = "/one/echo/a%20b/c?x=1&y=%20",
                fields = { "X-Question", "why", "Host", "example.org" },
                body = ("body\0"):rep(5000),
            })
            assert.equal(202, answer.status)
            assert.equal("yes", answer:header("x-answer"))
            assert.same({ "a=1", "b=2" }, answer.fields:get_all("set-cookie"))
            assert.same({
                method = "PUT", target = "/one/echo/a%20b/c?x=1&y=%20", path = "/one/echo/a%20b/c",
                mount = "/one", rest = "a b/c", query = { x = "1", y = " " },
                body = ("body\0"):rep(5000), field = "why", host = "example.org",
            }, json.decode(answer.body))
        end
    end)

    it("is answered HEAD, 404, 405 and 500 through both as well", function()
        for _ = 1, CONNECTIONS do
            local asked = running:request({ method = "HEAD", target = "/one/echo/x" })
            assert.equal(202, asked.status)
            assert.equal("", asked.body)
            assert.equal(404, running:get("/one/nowhere").status)
            assert.equal(405, running:request({ method = "DELETE", target = "/one/count" }).status)
            assert.equal(500, running:get("/one/fails").status)
        end
    end)

    it("is back after its worker died, and the others answer meanwhile", function()
        local pid = running:status().workers[home()].pid
        assert(os.execute("kill -9 " .. pid) == 0)
        running:wait_until(function()
            local client = require "perigee.http.client"
            local answer = client.request({ address = running.http, target = "/one/echo/x",
                timeout_s = 5 })
            assert(not answer or answer.status == 202 or answer.status == 503)
            return answer and answer.status == 202
        end, "the service answers again")
        for _ = 1, CONNECTIONS do
            assert.equal("plain", running:body("/"))
            assert.equal(202, running:get("/one/echo/x").status)
        end
    end)

    it("may become one in every worker, and one again", function()
        running:write("one.lua", (SERVICE:gsub("replicas = 1", 'replicas = "worker"')))
        running:wait_until(function()
            return #running:service("one").isolates == 2
        end, "it runs in both")
        running:write("one.lua", SERVICE .. "-- again")
        running:wait_until(function()
            return #running:service("one").isolates == 1
        end, "it runs in one")
        assert.equal(202, running:get("/one/echo/x").status)
    end)
end)
