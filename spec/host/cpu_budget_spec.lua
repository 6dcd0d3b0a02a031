--- Tasks that compute for long without waiting: warned of, then ended; what they held is let go.
local host = require "spec.support.host"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

describe("a task that computes for long", function()
    after_each(host.stop_all)

    local function start(script, ...)
        return host.start({ services = { ["busy.lua"] = script,
            ["neighbour.lua"] = [[return { http = function() return "fine" end }]] },
            flags = { ... } })
    end

    local LOOPS = [[return { http = function() while true do end end }]]

    it("is warned of, with the request, the line and a traceback", function()
        local running = start(LOOPS, "--cpu-warning", "30ms", "--cpu-budget", "150ms")
        running:get("/busy/x")
        running:wait_for_log("WARN  busy  GET /busy/x has computed for %d+ ms without waiting")
        running:wait_for_log("^    \t%S+busy%.lua:1: in function")
        running:wait_for_log("at=%S+busy%.lua:1$")
        assert.equal(1, running:service("busy").isolates[1].cpu_warnings)
        assert.equal(1, running:service("busy").isolates[1].cpu_ends)
    end)

    it("is not warned of each time", function()
        local running = start(LOOPS, "--cpu-warning", "20ms", "--cpu-budget", "40ms")
        for _ = 1, 3 do
            assert.equal(503, running:get("/busy").status)
        end
        running:wait_for_log("task GET /busy failed: ended by the host", 3)
        assert.equal(3, running:service("busy").isolates[1].cpu_warnings)
        local _, told = running:log():gsub("has computed for", "")
        assert.equal(1, told)
    end)

    it("is ended at the budget of its service, or of its route", function()
        local running = start([[
            local http = require "perigee.http"
            local app = http.router()
            local function spin() while true do end end
            app:get("/service", spin)
            app:get("/more", { cpu_s = 0.3 }, spin)
            app:get("/less", { cpu_s = 0.03 }, spin)
            return { http = app, limits = { cpu_s = 0.1 } }
        ]], "--cpu-budget", "20s")
        for path, least in pairs({ service = 100, more = 300, less = 30 }) do
            assert.equal(503, running:get("/busy/" .. path).status)
            local line = running:wait_for_log("GET /busy/" .. path .. " failed")
            local used = tonumber(line:match("computed for (%d+) ms"))
            assert.is_true(used >= least and used < least + 80, line)
        end
    end)

    it("goes on for as long as it likes when it waits in between", function()
        local running = start([[
            local perigee = require "perigee"
            return { http = function()
                local began = os.clock()
                while os.clock() - began < 0.3 do
                    local slice = os.clock()
                    while os.clock() - slice < 0.02 do end
                    perigee.sleep(0)
                end
                return "done"
            end }
        ]], "--cpu-budget", "100ms")
        assert.equal("done", running:body("/busy"))
    end)

    it("goes on without end when there is no budget", function()
        local running = start([[
            return { http = function()
                local began = os.clock()
                while os.clock() - began < 1.3 do end
                return "done"
            end }
        ]], "--cpu-budget", "0")
        assert.equal("done", running:body("/busy"))
    end)

    it("may load and start for longer", function()
        local running = start([[
            local function compute()
                local began = os.clock()
                while os.clock() - began < 0.2 do end
            end
            compute()
            return { start = compute, http = function() return "up" end }
        ]], "--cpu-budget", "50ms")
        assert.equal("up", running:body("/busy"))
    end)

    it("has its reason shown to developers", function()
        local running = start(LOOPS, "--cpu-budget", "40ms", "--dev")
        local answer = running:get("/busy")
        assert.equal(503, answer.status)
        assert.matches("^it computed for %d+ ms without waiting, at %S+busy%.lua:1\n", answer.body)
        assert.matches("traceback", answer.body)
    end)

    it("cuts the answer it has begun", function()
        local running = start([[
            return { http = function(_, response)
                response:write("begun")
                while true do end
            end }
        ]], "--cpu-budget", "40ms")
        local peer = running:open()
        peer:write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n")
        local bytes = running.read_all(peer)
        assert.matches("begun", bytes)
        assert.not_matches("\r\n0\r\n\r\n$", bytes)
    end)

    it("fails its call with the line", function()
        local running = start([[
            return { rpc = { Busy = { Loop = function() while true do end end } } }
        ]], "--cpu-budget", "40ms")
        local client = assert(rpc.dial("tcp://" .. running.rpc))
        local reply, _, detail = client:call("Busy.Loop", {})
        assert.is_nil(reply)
        assert.matches("computed for %d+ ms without waiting, at %S+busy%.lua:1", detail)
        running:wait_for_log("task call of Busy.Loop failed: ended by the host")
        client:close()
    end)

    it("lets go of what it held, and whoever waits for that goes on", function()
        local running = start([[
            local perigee = require "perigee"
            local sync = require "perigee.sync"
            local mutex, once, flight = sync.mutex(), sync.once(), sync.singleflight()
            local function spin() while true do end end
            local function nested() once:run(function() flight:run("key", spin) end) end
            return { http = function(request)
                if request.path == "/busy/spin" then
                    mutex:with(nested)
                end
                -- Each begins to wait while the other computes, or comes after it.
                mutex:with(function() end)
                once:run(error)
                local is_ok, message = pcall(flight.run, flight, "key", tostring, "anew")
                return tostring(is_ok) .. " " .. tostring(message)
            end }
        ]], "--cpu-budget", "100ms")
        local ended
        perigee.go(function() ended = running:get("/busy/spin").status end)
        running:wait_until(function()
            return running:service("busy").isolates[1].cuts > 0 or ended
        end, "it computes")
        assert.equal("true anew", running:body("/busy"))
        assert.equal("true anew", running:body("/busy"))
        running:wait_until(function() return ended end, "it has ended")
        assert.equal(503, ended)
    end)

    it("in a coroutine or a callback of gsub leaves its neighbours answering", function()
        local running = start([[
            local function spin() while true do end end
            return { http = function(request)
                if request.path == "/busy/coroutine" then coroutine.wrap(spin)() end
                return ("x"):gsub(".", spin)
            end }
        ]], "--cpu-budget", "200ms")
        for _, path in ipairs({ "coroutine", "gsub" }) do
            local status
            perigee.go(function() status = running:get("/busy/" .. path).status end)
            repeat
                assert.equal("fine", running:body("/neighbour"))
            until status
            assert.equal(503, status)
        end
    end)
end)
