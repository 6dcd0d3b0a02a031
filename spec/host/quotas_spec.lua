--- What a service may have at once and take in, by its own limits and its operator's.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local gate = perigee.channel("gate")
local function try(fn, ...)
    local arguments = { ... }
    local is_ok, message = pcall(function()
        local made = fn(unpack(arguments))
        return made
    end)
    return is_ok and "made" or message
end
app:get("/", function() return "fine" end)
app:get("/held", function() gate:recv() return "held" end)
app:get("/tasks", function()
    local answer
    for _ = 1, 10 do
        answer = try(perigee.go, function() perigee.sleep(60) end)
    end
    return answer
end)
app:get("/timers", function()
    local made = {}
    for i = 1, 2 do
        made[i] = perigee.timer(60)
    end
    local full = try(perigee.timer, 60)
    made[1]:stop()
    return full .. " | " .. try(perigee.tick, 60)
end)
app:get("/log", function()
    for i = 1, 20 do
        print("line " .. i .. " of many")
    end
end)
app:get("/messages", function()
    return try(perigee.chan, 5) .. " | " .. try(perigee.chan, 6) .. " | "
        .. try(perigee.channel, "many", { capacity = 6 })
end)
app:websocket("/socket", function(socket) socket:receive() end)
return { http = app, mount = "/", rpc = { Held = { Wait = function() gate:recv() return 1 end } },
    limits = { LIMITS } }
]]

local OPENER = [[
local gate = require "perigee".channel("gate")
return { http = function() gate:send(true) return "opened" end }
]]

describe("a service with limits", function()
    after_each(host.stop_all)

    local function start(limits, options)
        options = options or {}
        options.services = { ["service.lua"] = (SERVICE:gsub("LIMITS", limits)),
            ["opener.lua"] = OPENER }
        return host.start(options)
    end

    local function isolate_of(running)
        return running:service("service").isolates[1]
    end

    it("works on so many requests at once, has so many wait, and refuses the rest", function()
        local running = start("concurrency = 2, queue = 1")
        local first = running:open()
        first:write("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        local second = running:open()
        second:write("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(function()
            return isolate_of(running).in_flight == 2
        end, "two requests are worked on")
        local third = running:open()
        third:write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        eventually(function()
            return isolate_of(running).queued == 1
        end, "one waits")
        local refused = running:get("/")
        assert.equal(503, refused.status)
        assert.equal("1", refused.fields:get("retry-after"))
        assert.equal("the service works on 2 requests at once, and 1 wait.\n", refused.body)
        assert.equal(1, isolate_of(running).refusals.concurrency)
        running:get("/opener")
        assert.matches("\r\n\r\nfine$", running.read_all(third))
        running:get("/opener")
        eventually(function()
            return isolate_of(running).in_flight == 0
        end, "nothing is in flight")
        first:close()
        second:close()
        assert.equal(200, running:get("/").status)
        running:wait_for_log("the service works on 2 requests at once")
    end)

    it("takes so many requests a second", function()
        local running = start("rate = 0.01, burst = 2")
        assert.equal(200, running:get("/").status)
        assert.equal(200, running:get("/").status)
        local refused = running:get("/")
        assert.equal(429, refused.status)
        assert.matches("^%d+$", refused.fields:get("retry-after"))
        assert.equal("the service takes 0.01 requests a second.\n", refused.body)
        running:get("/")
        assert.equal(2, isolate_of(running).refusals.rate)
    end)

    it("refuses calls by the same limits", function()
        local running = start("rate = 0.01, burst = 1")
        local function call()
            return running:request({ method = "POST", target = "/rpc",
                fields = { "Content-Type", "application/json" },
                body = [[{"jsonrpc":"2.0","id":1,"method":"Held.None"}]] })
        end
        call()
        assert.matches("takes 0.01 requests a second, call again later",
            call().body)
    end)

    it("has so many tasks, and says so where one more is started", function()
        local running = start("tasks = 5")
        assert.matches("^%S+service.lua:8: the service has 5 tasks, all that limits.tasks grants",
            running:body("/tasks"))
        local held = running:open()
        held:write("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(function()
            return running:get("/").status == 503
        end, "there is no room for another request")
        assert.matches("has 5 tasks", running:get("/").body)
        held:close()
    end)

    it("has so many timers at once", function()
        local running = start("timers = 2")
        assert.matches("^%S+service.lua:8: the service has 2 timers, all that limits.timers "
            .. "grants it | made$", running:body("/timers"))
    end)

    it("has room for so many messages in a channel", function()
        local running = start("messages = 5")
        assert.matches("^made | %S+ a channel of the service may have room for 5 messages, says "
            .. "limits.messages | %S+ a channel of the service", running:body("/messages"))
    end)

    it("has so many WebSockets", function()
        local running = start("websockets = 1")
        local handshake = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            .. "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        local opened = running:open()
        opened:write(handshake)
        assert.matches("^HTTP/1.1 101 ", opened:read())
        local refused = running:open()
        refused:write(handshake)
        assert.matches("^HTTP/1.1 503 .*has 1 WebSockets, all that limits.websockets",
            refused:read())
        refused:close()
        opened:close()
    end)

    it("logs so many events a second, and tells of those that were left out", function()
        local running = start("log_lines = 5")
        running:get("/log")
        eventually(function()
            running:get("/log")
            return running:log():find("service +%d+ events were left out: limits%.log_lines grants")
        end, "what was left out is told of")
        local count = 0
        for _ in running:log():gmatch("line %d+ of many") do
            count = count + 1
        end
        assert.is_true(count >= 5)
        assert.is_true(isolate_of(running).refusals.log_lines >= 15)
    end)

    it("is held to what its operator says, where that is tighter", function()
        local running = start("tasks = 1000", { workers = 1, config = [[
            return { services = { service = { limits = { tasks = 5 } },
                ["*"] = { limits = { tasks = 1 } } } }
        ]] })
        assert.matches("the service has 5 tasks", running:body("/tasks"))
    end)
end)

describe("the configuration file", function()
    after_each(host.stop_all)

    it("is refused with a limit that is none", function()
        local _, message = pcall(host.start, { services = {},
            config = "return { services = { a = { limits = { tsks = 5 } } } }" })
        assert.matches("perigee%.lua: services%.a%.limits%.tsks is not a limit: did you mean "
            .. "limits%.tasks%?", message)
    end)
end)
