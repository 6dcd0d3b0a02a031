--- A supervisor that is killed: its workers finish what they have, and the ports are free at once.
local fault_figures = require "spec.support.fault_figures"
local host = require "spec.support.host"
local perigee = require "perigee"

local SIGKILL = 9

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
