--- Tasks that wait for what never comes: what the log, the status and the one who asked learn.
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"
local stream = require "perigee.core.stream"

describe("a service whose tasks wait", function()
    after_each(host.stop_all)

    local WAITING = [[
        local perigee = require "perigee"
        local sync = require "perigee.sync"
        local app = require("perigee.http").router()
        local channel, lock = perigee.chan(), sync.mutex()
        app:get("/recv", function() return (channel:recv()) end)
        app:get("/send", function() channel:send("sent") return "fine" end)
        app:get("/stream", function(_, response)
            response:write("begun")
            channel:recv()
        end)
        app:get("/sleep", function() perigee.sleep(30) end)
        app:get("/lock", function()
            lock:lock()
            perigee.go(function() lock:lock() end)
            return "locked"
        end)
        app:get("/busy", function() while true do end end)
        for _ = 1, 3 do
            perigee.go(channel.recv, perigee.chan())
        end
        local Stuck = { Receive = function() return (channel:recv()) end }
        return { http = app, mount = "/", rpc = { Stuck = Stuck } }]]

    local function serve(flags)
        return host.start { services = { ["w.lua"] = WAITING }, flags = flags }
    end

    -- Sends a request whose answer is not waited for. Returns its stream.
    local function ask(running, target, service)
        local asking = running:open()
        asking:write("GET " .. target .. " HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(function()
            return running:service(service or "w").isolates[1].in_flight > 0
        end, target .. " is in flight")
        return asking
    end

    local function log_has(running, pattern)
        return eventually(function()
            return running.program.log:match(pattern)
        end, "the log has " .. pattern)
    end

    for _, order in ipairs { "its top level", "start()" } do
        it("for ever in " .. order .. " is not loaded, and the reason names each task", function()
            local wait = 'local c = require("perigee").chan()\n'
            local text = order == "start()" and wait .. "return { start = function() c:recv() end }"
                or wait .. "require('perigee').go(function() c:recv() end)\nc:recv()\nreturn {}"
            local running = host.start { services = { ["w.lua"] = text } }
            local said = running:service("w").last_error.message
            assert.matches("all tasks are asleep %- deadlock!\n\ntask %l+ %[chan receive, %d", said)
            assert.matches("\n    at %S*w%.lua:[23]", said)
            if order ~= "start()" then
                assert.matches("\ntask %S*w%.lua:2 %[chan receive", said)
                assert.matches("\n    started at %S*w%.lua:2", said)
            end
        end)
    end

    -- Long enough that the time limit of an order is not what ends it.
    local UNLIMITED = { "--load-timeout", "60s" }

    local function hang_in(hook)
        return host.start { flags = UNLIMITED, services = { ["w.lua"] = ([[
            local channel = require("perigee").chan()
            return {
                http = function() return "old" end,
                replicas = 1,
                start = function() end,
                %s = function() channel:recv() end,
            }]]):format(hook) } }
    end

    it("for ever in save() is not replaced, and the reason names the task", function()
        local running = hang_in "save"
        running:write("w.lua", "return { http = function() return 'new' end }")
        local reason = log_has(running, "reload failed, generation 1 stays: .*")
        assert.matches("all tasks are asleep %- deadlock!\n%s+task save %[chan receive, 0", reason)
        assert.matches("\n%s+at %S*w%.lua:6\n", reason)
        assert.equal("old", running:body("/w"))
    end)

    it("for ever in stop() is gone all the same, and the log names the task", function()
        local running = hang_in "stop"
        running:write("w.lua", "return { http = function() return 'new' end }")
        local reason = log_has(running, "stop%(%) failed: .*")
        assert.matches("all tasks are asleep %- deadlock!\n%s+task stop %[chan receive, 0", reason)
        assert.matches("\n%s+at %S*w%.lua:6\n", reason)
        assert.equal("new", running:body("/w"))
        eventually(function()
            return #running:service("w").isolates == 1
        end, "the old generation is gone")
    end)

    it("fails perigee check at once", function()
        local running = host.start { services = {
            ["w.lua"] = "require('perigee.sync').wait_group():add(1):wait()" } }
        local status, output, log = program.run { "check", running.directory }
        assert.equal(1, status)
        assert.matches("deadlock!\n.*%[sync%.WaitGroup%.Wait", output .. log)
    end)

    it("is told of when a request waits and nothing else can happen", function()
        local running = serve()
        ask(running, "/recv")
        local report = log_has(running, "WARN  w  requests wait, and only another request could "
            .. "wake them: all tasks are asleep %- deadlock!.*started at %S*w%.lua:19")
        assert.matches("task GET /recv %[chan receive, %d+%.%d s%]\n%s+at %S*w%.lua:5", report)
        -- Another request does wake it.
        assert.equal("fine", running:body("/send"))
    end)

    it("is told of when an RPC call waits and nothing else can happen", function()
        local running = serve()
        local caller = assert(stream.connect(running.rpc))
        caller:write('{"method":"Stuck.Receive","params":[0],"id":1}\n')
        local report = log_has(running, "only another request could wake them: .*w%.lua:19")
        assert.matches("task call of Stuck%.Receive %[chan receive, %d+%.%d s%]\n", report)
        assert.matches("\n%s+at %S*w%.lua:21\n", report)
        running:get("/send")
        assert.equal('{"id":1,"result":"sent","error":null}\n', caller:read())
        caller:close()
    end)

    it("is told of in the service that is called, not in the one that calls it", function()
        local running = host.start { services = { ["w.lua"] = WAITING, ["asking.lua"] = [[
            local stuck = require("perigee.rpc").service("Stuck")
            return { http = function() return (stuck:call("Receive", 0)) end }]] } }
        ask(running, "/asking", "asking")
        log_has(running, "WARN  w  requests wait.*task call of Stuck%.Receive %[chan receive")
        local waiting = running:ask("GET", "/tasks?service=asking").isolates[1].tasks[1]
        assert.equal("GET /asking", waiting.name)
        assert.equal("call of Stuck.Receive", waiting.waits_on)
        assert.is_nil(running.program.log:find("WARN  asking", 1, true))
    end)

    it("is not told of while a timer, or an answer that has begun, waits too", function()
        local running = serve()
        local streaming = ask(running, "/stream")
        local sleeping = ask(running, "/sleep")
        ask(running, "/recv")
        sleeping:close()
        -- A look at the tasks takes a second, and this takes longer.
        eventually(function()
            return running:ask("GET", "/tasks?service=w").isolates[1].tasks[1].waited_s > 2.5
        end, "they have waited")
        assert.is_nil(running.program.log:find("deadlock", 1, true))
        streaming:close()
    end)

    it("is told of in one line when a request waits longer than --slow-wait", function()
        local running = serve { "--slow-wait", "100ms" }
        ask(running, "/sleep")
        local line = log_has(running, "(%S+ WARN  w  [^\n]*GET /sleep[^\n]*)\n")
        assert.matches("tasks? %l+ waiting for longer than 0%.1 s; the longest is ", line)
        assert.matches("waits_on=sleep", line)
        assert.matches("at=%S*w%.lua:11", line)
        -- Whoever waits for a lock counts, too.
        running:get("/lock")
        log_has(running, "WARN  w  2 tasks are waiting for longer")
    end)

    it("is told of when a background task waits for a lock and no request comes", function()
        local running = host.start { flags = { "--slow-wait", "100ms" }, services = {
            ["w.lua"] = [[
                local lock = require("perigee.sync").mutex()
                lock:lock()
                require("perigee").go(function() lock:lock() end)
                return {}]] } }
        local line = log_has(running, "(%S+ WARN  w  1 task is waiting for longer[^\n]*)\n")
        assert.matches("waits_on=sync%.Mutex%.Lock", line)
        assert.matches("at=%S*w%.lua:3 ", line)
    end)

    it("wakes nobody for it whose tasks merely rest", function()
        local running = host.start { flags = { "--slow-wait", "10ms" }, services = {
            ["w.lua"] = WAITING, ["clock.lua"] = [[
                local clock = require("perigee").tick(0.05)
                return { http = function() clock.channel:recv() return "tick" end }]] } }
        local function turns()
            return running:service("w").isolates[1].turns
        end
        local before = turns()
        for _ = 1, 20 do
            running:get("/clock")
        end
        -- The question and what follows it are some turns; in this time there would be 100 looks.
        assert.is_true(turns() - before < 15)
    end)

    it("is not told of with --slow-wait 0", function()
        local running = serve { "--slow-wait", "0" }
        ask(running, "/sleep")
        eventually(function()
            return running:ask("GET", "/tasks?service=w").isolates[1].tasks[4].waited_s > 0.3
        end, "it has waited")
        assert.is_nil(running.program.log:find("waiting for longer", 1, true))
    end)

    describe("is shown by", function()
        it("/tasks, those that have waited longest first", function()
            local running = serve()
            ask(running, "/sleep")
            local isolate = running:ask("GET", "/tasks?service=w").isolates[1]
            assert.equal(4, isolate.total)
            assert.is_true(isolate.is_active)
            assert.equal("chan receive", isolate.tasks[1].waits_on)
            assert.matches("w%.lua:19$", isolate.tasks[1].spawned_at)
            assert.equal("GET /sleep", isolate.tasks[4].name)
            assert.equal("waiting", isolate.tasks[4].state)
            isolate = running:ask("GET", "/tasks?service=w&limit=1").isolates[1]
            assert.equal(1, #isolate.tasks)
            assert.equal(4, isolate.total)
        end)

        it("/tasks, which refuses what it does not know", function()
            local running = serve()
            for target, status in pairs { ["/tasks"] = 404, ["/tasks?service=x"] = 404,
                ["/tasks?service=w&limit=0"] = 400, ["/tasks?service=w&limit=1001"] = 400 } do
                assert.equal(status, select(2, running:ask("GET", target)))
            end
        end)

        it("/tasks, which says so when the isolate does not answer", function()
            local running = serve { "--slice", "1000" }
            running:open():write("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n")
            local isolate = eventually(function()
                local one = running:ask("GET", "/tasks?service=w").isolates[1]
                return one and one.error and one
            end, "it does not answer")
            assert.is_nil(isolate.tasks)
        end)

        it("perigee status --tasks, as a table or JSON", function()
            local running = serve()
            ask(running, "/sleep")
            local function status(...)
                local code, output, log = program.run { "status", "--admin", running.admin, ... }
                return output .. log, code
            end
            local said, code = status("--tasks", "w")
            assert.equal(0, code)
            assert.matches("worker 1, generation 1: 4 tasks\n +TASK +STATE +WAITS ON +FOR ", said)
            assert.matches("\n +GET /sleep +waiting +sleep +%d+%.%d s +%- +%S*w%.lua:11", said)
            said, code = status("--tasks", "w", "--json")
            assert.equal(0, code)
            assert.equal(4, json.decode(said).isolates[1].total)
            assert.equal("w", json.decode((status("--json"))).services[1].name)
            said, code = status("--tasks", "x")
            assert.equal(1, code)
            assert.matches("perigee: there is no service 'x'", said)
        end)
    end)
end)
