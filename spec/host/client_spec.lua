--- The client of perigee.http.client against a running host: real streams, real time.
local client = require "perigee.http.client"
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local perigee = require "perigee"
local http = require "perigee.http"
local app = http.router()
local busy_count = 0

app:get("/slow", function() perigee.sleep(60) end)
app:get("/large", function() return ("x"):rep(3000000) end)
app:post("/size", function(request) return tostring(#request:body()) end)

-- Answers when as many as `count` are asked together.
app:get("/together/:count", function(request)
    busy_count = busy_count + 1
    while busy_count < tonumber(request.params.count) do
        perigee.sleep(0.002)
    end
    return "together"
end)
return { http = app, mount = "/" }
]]

local GREETING = { target = "/size", method = "POST", body = "hello" }

describe("the client", function()
    local running

    before_each(function()
        running = host.start({ services = { ["service.lua"] = SERVICE },
            flags = { "--max-body", "5MB" } })
    end)

    after_each(host.stop_all)

    it("uses a connection again", function()
        local connection = client.connect(running.http)
        for _ = 1, 3 do
            assert.equal("5", connection:request(GREETING).body)
            assert.is_true(connection:is_reusable())
        end
        assert.equal(404, connection:request({ target = "/missing" }).status)
        local answer = connection:request { target = "/large", method = "HEAD" }
        assert.equal("3000000", answer:header "content-length")
        assert.equal("", answer.body)
        assert.equal("5", connection:request(GREETING).body)
        connection:close()
    end)

    it("sends and reads large bodies", function()
        local connection = client.connect(running.http)
        local body = ("x"):rep(5000000)
        local request = { method = "POST", target = "/size", body = body }
        assert.equal("5000000", connection:request(request).body)
        assert.equal(3000000, #connection:request({ target = "/large" }).body)
        connection:close()
    end)

    it("reads a refusal that comes while it still sends", function()
        local answer = client.request {
            address = running.http, method = "POST", target = "/size", body = ("x"):rep(20000000),
        }
        assert.equal(413, answer.status)
    end)

    it("stops waiting when the time is over", function()
        local connection = client.connect(running.http)
        local _, code = connection:request { target = "/slow", timeout_s = 0.05 }
        assert.equal("timeout", code)
        assert.is_false(connection:is_reusable())
    end)

    it("refuses a body that is larger than it wants", function()
        local _, code = client.request {
            address = running.http, target = "/large", max_body = 2999999,
        }
        assert.equal("too_large", code)
    end)

    it("keeps a pool's connections, and finds out which of them the host has closed", function()
        local pool = client.pool(running.http)
        local over_count = 0
        for _ = 1, 3 do
            perigee.go(function()
                assert.equal("together", pool:request({ target = "/together/3" }).body)
                over_count = over_count + 1
            end)
        end
        running:wait_until(function() return over_count == 3 end, "three requests are answered")
        assert.equal(3, #pool.idle)
        assert.equal("5", pool:request(GREETING).body)
        assert.equal(3, #pool.idle)
        assert.equal(0, running:stop())
        local _, code = pool:request(GREETING)
        assert.equal("refused", code)
        assert.equal(0, #pool.idle)
        pool:close()
    end)

    it("holds requests back beyond a pool's limit", function()
        local pool = client.pool(running.http, { limit = 1 })
        local over_count = 0
        for _ = 1, 20 do
            perigee.go(function()
                assert.equal("5", pool:request(GREETING).body)
                over_count = over_count + 1
            end)
        end
        running:wait_until(function() return over_count == 20 end, "all requests are answered")
        assert.equal(1, #pool.idle)
        pool:close()
    end)
end)
