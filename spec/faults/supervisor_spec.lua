--- A supervisor that is killed: its workers finish what they have, and the ports are free at once.
local fault_figures = require "spec.support.fault_figures"
local fault_load = require "spec.support.fault_load"
local host = require "spec.support.host"
local perigee = require "perigee"

local SIGKILL, SIGCONT, SIGSTOP = 9, 18, 19
local CLIENTS = 4

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local is_open = false
app:get("/slow", function()
    while not is_open do perigee.sleep(0.002) end
    return "done"
end)
app:get("/open", function() is_open = true return "" end)
return { http = app, mount = "/" }
]]

describe("when the supervisor is killed", function()
    after_each(host.stop_all)

    it("requests in flight are finished, and another host gets the ports meanwhile", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local slow, late = running:open(), running:open()
        slow:write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        running:wait_until(function()
            local worker = running:status().workers[1]
            return worker.http.connections == 2
                and running:service("service").isolates[1].in_flight == 1
        end, "both clients are there")
        running:signal(SIGKILL)
        local killed_at = perigee.now()
        running:wait_for_log("the supervisor is gone: draining")
        local other
        running:wait_until(function()
            local is_up, result = pcall(host.start, { services = { ["service.lua"] = SERVICE },
                http = running.http, rpc = running.rpc, admin = running.admin })
            other = is_up and result
            return is_up
        end, "another host has the ports")
        local freed_s = perigee.now() - killed_at
        assert.equal(running.http, other.http)
        late:write("GET /open HTTP/1.1\r\nHost: x\r\n\r\n")
        assert.matches("HTTP/1.1 200 ", running.read_all(late))
        assert.matches("done$", running.read_all(slow))
        assert.equal(-SIGKILL, running:wait())
        fault_figures.add("the supervisor: SIGKILL", "nothing: workers finish what they have",
            "each worker's log: the supervisor is gone", freed_s)
    end)
end)

describe("when processes are stopped for a while", function()
    after_each(host.stop_all)

    -- Pings are a second apart, and wait for --stall, 2 s.
    local PING_S, STOPPED_S = 1.1, 2.5

    local function signal_all(pids, signal)
        assert(os.execute(("kill -%d %s"):format(signal, table.concat(pids, " "))) == 0)
    end

    local function pass(running, duration_s)
        local over = perigee.now() + duration_s
        running:wait_until(function() return perigee.now() > over end, "that time is over")
    end

    local function start()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
        local workers = running:status().workers
        return running, { workers[1].pid, workers[2].pid }
    end

    local function expect_same_workers(running, pids)
        running:wait_until(function()
            return select(2, running:ask("GET", "/readyz")) == 200
        end, "the host is ready")
        for i, worker in ipairs(running:status().workers) do
            assert.equal(pids[i], worker.pid)
        end
        assert.equal("", running:body("/open"))
    end

    it("a supervisor that was stopped is not missed, and blames nobody", function()
        local running, pids = start()
        local load = fault_load.start(running, CLIENTS, "/open")
        signal_all({ running.program.pid }, SIGSTOP)
        pass(running, STOPPED_S)
        signal_all({ running.program.pid }, SIGCONT)
        expect_same_workers(running, pids)
        load:stop()
        assert.equal(0, #load.losses)
        fault_figures.add("the supervisor: SIGSTOP, SIGCONT", "nothing",
            "nothing; `WatchdogSec=` of systemd sees it", "at once")
    end)

    it("a host that was frozen as a whole goes on as it was", function()
        local running, pids = start()
        local supervisor = running.program.pid
        signal_all(pids, SIGSTOP)
        pass(running, PING_S) -- the supervisor waits for an answer now
        signal_all({ supervisor }, SIGSTOP)
        pass(running, STOPPED_S)
        signal_all({ supervisor }, SIGCONT) -- and has its turn first
        pass(running, 0.2)
        signal_all(pids, SIGCONT)
        expect_same_workers(running, pids)
        assert.is_nil(running:log():find("it is restarted"))
        fault_figures.add("the whole host is frozen for 3.6 s, `--stall 2s`", "nothing",
            "nothing", "at once")
    end)
end)
