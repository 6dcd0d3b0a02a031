--- A service whose memory is at its limit and belongs to no task: it is restarted, its heap is
-- given back, and nobody else notices.
local host = require "spec.support.host"
local perigee = require "perigee"

local LEAK = [[
local kept = {}
return { http = function(request)
    if request.path == "/leak/eat" then
        while true do kept[#kept + 1] = { #kept } end
    end
    return tostring(#kept)
end }
]]

describe("a service at its memory limit", function()
    local running

    local function start(services, ...)
        services["neighbour.lua"] = [[return { http = function() return "fine" end }]]
        running = host.start({ services = services, flags = { ... } })
    end

    after_each(host.stop_all)

    -- How full a table is when it has to grow decides whether one will do.
    local function leak_to_the_cap(number)
        running:wait_until(function()
            running:get("/leak/eat")
            return running:service("leak").restarts >= number
        end, "it is restarted")
    end

    local function restarts()
        return running:service("leak").restarts
    end

    it("has its task ended, is restarted and goes on with an empty heap", function()
        start({ ["leak.lua"] = LEAK }, "--memory", "8MB")
        assert.equal(503, running:get("/leak/eat").status)
        running:wait_for_log("ERROR leak +task GET /leak/eat failed: ended by the host: the "
            .. "service has reached its memory limit, at %S+leak%.lua:4$")
        leak_to_the_cap(1)
        running:wait_for_log("ERROR leak +the isolate broke and was closed: its memory limit is "
            .. "reached: [678]%.%d MB are in use and belong to no task that could be ended")
        running:wait_until(function()
            return running:get("/leak").body == "0"
        end, "the new generation answers")
        assert.is_true(running:service("leak").isolates[1].heap_size < 1e6)
        assert.equal(0, running:status().workers[1].restarts)
    end)

    it("stays when its memory was that of the task", function()
        start({ ["leak.lua"] = [[
            return { http = function(request)
                local list = {}
                while request.path == "/leak/eat" do list[#list + 1] = { #list } end
                return "light"
            end }
        ]] }, "--memory", "8MB")
        for _ = 1, 5 do
            assert.equal(503, running:get("/leak/eat").status)
            assert.equal("light", running:body("/leak"))
        end
        assert.equal(0, restarts())
        assert.equal(5, running:service("leak").isolates[1].memory_ends)
    end)

    it("stays when it makes much garbage", function()
        start({ ["leak.lua"] = [[
            local kept = {}
            for i = 1, 20000 do kept[i] = { i } end
            return { http = function()
                for i = 1, 3e5 do local _ = { i, { i } } end
                for i = 1, 300 do local _ = ("x"):rep(1e5) .. i end
                return "done"
            end }
        ]] }, "--memory", "8MB", "--cpu-budget", "0")
        for _ = 1, 5 do
            assert.equal("done", running:body("/leak"))
        end
        assert.equal(0, restarts())
        assert.equal(0, running:service("leak").isolates[1].memory_ends)
    end)

    it("that starts tasks without end is restarted too", function()
        start({ ["leak.lua"] = [[
            local perigee = require "perigee"
            return { http = function(request)
                while request.path == "/leak/eat" do perigee.go(perigee.sleep, 60) end
                return "up"
            end }
        ]] }, "--memory", "8MB", "--log-level", "error")
        running:get("/leak/eat")
        running:wait_until(function()
            return restarts() > 0 and running:get("/leak").status == 200
        end, "the new generation answers")
    end)

    it("restarts whoever has the largest heap when the worker is at its own", function()
        start({ ["leak.lua"] = [[
            local kept = {}
            for i = 1, 3e5 do kept[i] = { i } end
            return { http = function(request)
                if request.path == "/leak/eat" then
                    for i = 1, 5e6 do kept[#kept + 1] = { i } end
                end
                return tostring(#kept)
            end }
        ]] }, "--memory", "500MB", "--worker-memory", "100MB", "--cpu-budget", "0")
        running:get("/leak/eat")
        running:wait_for_log("ERROR leak +the isolate broke and was closed: the worker has "
            .. "%d+%.%d MB in memory, and may have 100%.0 MB %(%-%-worker%-memory%); "
            .. "this heap is the largest, %d+%.%d MB")
        running:wait_for_body("/leak", "300000")
        assert.equal("fine", running:body("/neighbour"))
        assert.equal(0, running:status().workers[1].restarts)
    end)

    it("again and again does not make its neighbour fail, or wait", function()
        start({ ["leak.lua"] = LEAK }, "--memory", "16MB", "--log-level", "error")
        local is_done, failed, count = false, 0, 0
        local asking = perigee.go(function()
            while not is_done do
                count = count + 1
                if running:get("/neighbour").body ~= "fine" then
                    failed = failed + 1
                end
            end
        end)
        for number = 1, 10 do
            leak_to_the_cap(number)
            running:wait_for_body("/leak", "0")
        end
        is_done = true
        assert(asking:join(20))
        assert.equal(0, failed)
        assert.is_true(count > 10)
        assert.equal(0, running:status().workers[1].restarts)
    end)
end)
