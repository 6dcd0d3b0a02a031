--- Limits of the system that are reached: descriptors, memory, the disk of the log.
local eventually = require "spec.support.eventually"
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"

local PRLIMIT = "/usr/bin/prlimit"
local CLIENTS = 4

local SERVICE = [[
local http = require "perigee.http"
local log = require "perigee.log"
local app = http.router()
app:get("/", function() return "fine" end)
app:get("/log", function() log.warn(("x"):rep(1000)) return "logged" end)
return { http = app, mount = "/" }
]]

local LEAK = [[
local perigee = require "perigee"
local kept = {}
return { mount = "/leak", http = function()
    for i = 1, 2000 do
        kept[#kept + 1] = ("x"):rep(1024 * 1024) .. #kept .. i
        perigee.sleep(0) -- or it would be ended for computing too long
    end
    return "leaked"
end }
]]

describe("a host that has no", function()
    after_each(host.stop_all)

    it("descriptors left serves whom it has, and the others as soon as it can", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE },
            -- Modules that are read from files would need descriptors.
            prefix = { PRLIMIT, "--nofile=100:100", "/usr/bin/env", "-u", "PERIGEE_LUA_PATH" } })
        local kept = running:connect()
        assert.equal("fine", kept:request({ target = "/" }).body)
        local idle = {}
        for i = 1, 120 do
            idle[i] = running:open()
        end
        running:wait_for_log("ERROR worker 1  http: connections cannot be accepted and wait in the "
            .. "kernel: too many open files")
        assert.equal("fine", kept:request({ target = "/" }).body)
        local waiting = running:open()
        waiting:write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert.is_true(running:status().workers[1].http.accept_failures > 0)
        local freed_at = perigee.now()
        for _, peer in ipairs(idle) do
            peer:close()
        end
        assert.matches("fine$", running.read_all(waiting))
        local recovered_s = perigee.now() - freed_at
        running:wait_for_log("http: connections are accepted again  failures=%d+")
        assert.equal("fine", kept:request({ target = "/" }).body)
        kept:close()
        fault_figures.add("no descriptor left: 120 silent clients, limit of 100",
            "nothing: connections wait in the kernel",
            "the log: cannot be accepted, accepted again; `accept_failures`", recovered_s)
    end)

    it("memory left by rlimit goes on with the other services", function()
        if os.getenv("ASAN_OPTIONS") then
            return -- the sanitizer itself takes more
        end
        local running = host.start({ prefix = { PRLIMIT, "--data=600000000" },
            services = { ["service.lua"] = SERVICE, ["leak.lua"] = LEAK },
            flags = { "--memory", "3GB" } })
        local load = fault_load.start(running, CLIENTS, "/")
        local asked_at = perigee.now()
        local peer = running:open()
        peer:write("GET /leak HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        local answer = running.read_all(peer)
        assert.is_nil(answer:find("leaked", 1, true))
        load:wait_for_answers(20 * CLIENTS)
        load:stop()
        local lost_count, late_count = load:lost(perigee.now())
        assert.equal(0, late_count)
        assert.is_true(lost_count <= CLIENTS)
        local line = running:wait_for_log("leak")
        assert.matches("memory", line .. running:log())
        fault_figures.add("no memory: RLIMIT_DATA of 600 MB, a service that takes 2 GB",
            ("the request that asked for it; %d of others"):format(lost_count),
            "the log: not enough memory, with file and line", load:slowest_s(asked_at))
    end)

    it("room for its log drops lines, counts them and serves", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE },
            flags = { "--log-file", "/dev/full" } })
        local load = fault_load.start(running, CLIENTS, "/log")
        eventually(function()
            local dropped = running:status().workers[1].log.dropped
            return dropped > 0
        end, "lines are dropped")
        load:wait_for_answers(20 * CLIENTS)
        load:stop()
        assert.equal(0, #load.losses)
        assert.equal(0, running:stop())
        fault_figures.add("the disk of the log is full", "lines of the log, no request",
            "`/status`: `log.dropped`; the log itself once there is room", "at once")
    end)
end)
