--- Workers that die or stop while clients ask: what is lost, what is told, how soon all is well.
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"

local SIGNALS = { SIGKILL = 9, SIGABRT = 6, SIGSEGV = 11 }

local CLIENTS = 8

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
app:get("/", function() return "fine" end)
return { http = app, mount = "/" }
]]

describe("under load a worker of two", function()
    after_each(host.stop_all)

    local function start()
        return host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
    end

    -- Sends the signal to a worker. Returns when that was done, and its number.
    local function strike(running, signal)
        local pid = running:status().workers[1].pid
        assert(os.execute(("kill -%d %d"):format(signal, pid)) == 0)
        return perigee.now(), pid
    end

    local function wait_for_restart(running, pid)
        running:wait_until(function()
            local worker = running:status().workers[1]
            return worker.state == "serving" and worker.pid ~= pid
        end, "the worker is back")
    end

    local function expect_losses(load, struck_at)
        local lost_count, late_count = load:lost(struck_at)
        assert.equal(0, late_count, "requests on new connections were lost")
        assert.is_true(lost_count <= CLIENTS, lost_count .. " requests were lost")
        return ("%d of %d in flight, 0 of new ones"):format(lost_count, CLIENTS)
    end

    for name, signal in pairs(SIGNALS) do
        it("that is ended by " .. name .. " loses no more than what was in flight on it", function()
            if signal == SIGNALS.SIGSEGV and os.getenv("ASAN_OPTIONS") then
                return -- the sanitizer would report it as a finding
            end
            local running = start()
            local load = fault_load.start(running, CLIENTS, "/")
            local struck_at, pid = strike(running, signal)
            wait_for_restart(running, pid)
            load:wait_for_answers(20 * CLIENTS)
            load:stop()
            local lost = expect_losses(load, struck_at)
            running:wait_for_log("worker 1 was ended by signal " .. signal .. ".*it is restarted")
            assert.equal(1, running:status().workers[1].restarts)
            fault_figures.add(("a worker of two: %s, under load"):format(name), lost,
                "the log: signal, pid and the service that ran; `restarts`",
                load:slowest_s(struck_at))
        end)
    end

    it("that is stopped is replaced, and its clients wait no longer than that", function()
        local running = start()
        local load = fault_load.start(running, CLIENTS, "/")
        local struck_at, pid = strike(running, 19)
        running:wait_for_log("worker 1 was ended by signal 9: has not answered for 2 s: it was "
            .. "stopped, or hangs; it is restarted")
        wait_for_restart(running, pid)
        load:wait_for_answers(20 * CLIENTS)
        load:stop()
        fault_figures.add("a worker of two: SIGSTOP, `--stall 2s`",
            expect_losses(load, struck_at), "the log: it has not answered",
            load:slowest_s(struck_at))
    end)
end)
