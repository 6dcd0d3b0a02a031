--- What becomes of a host when one of its workers dies or stops listening.
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"

local SERVICE = [[return { http = function() return "fine" end, mount = "/" }]]

-- A pattern whose matching takes longer than anybody waits, in one call of C.
-- Nothing can be cut there, and without a budget nothing is ended.
local STUCK = [[
local stuck = setmetatable({}, { __tostring = function()
    while true do end
end })
return { http = function() return string.format("%s", stuck) end }
]]

describe("a worker", function()
    after_each(host.stop_all)

    local function kill(pid)
        assert(os.execute("kill -9 " .. pid) == 0)
    end

    local function wait_for_restart(running, slot, old_pid)
        return running:wait_until(function()
            local worker = running:status().workers[slot]
            return worker.state == "serving" and worker.pid ~= old_pid and worker
        end, "worker " .. slot .. " serves again")
    end

    it("that was killed is back, and says so in the log", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local pid = running:status().workers[1].pid
        kill(pid)
        local worker = wait_for_restart(running, 1, pid)
        assert.equal(1, worker.restarts)
        assert.equal("fine", running:body("/"))
        running:wait_for_log("worker 1 was ended by signal 9.*; it is restarted")
    end)

    it("takes no request of the others along when it is killed under load", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
        local is_over, broken_count, done_count = false, 0, 0
        local function hammer()
            local connection = running:connect()
            while not is_over do
                local answer = connection and connection:request({ target = "/" })
                if answer then
                    assert.equal("fine", answer.body)
                    done_count = done_count + 1
                else
                    broken_count = broken_count + 1
                    connection = require("perigee.http.client").connect(running.http)
                end
                perigee.sleep(0)
            end
            connection:close()
        end
        local client_count = 8
        local left = client_count
        for _ = 1, client_count do
            perigee.go(function()
                hammer()
                left = left - 1
            end)
        end
        running:wait_until(function() return done_count > 100 end, "there is load")
        local pid = running:status().workers[1].pid
        kill(pid)
        wait_for_restart(running, 1, pid)
        local before = done_count
        running:wait_until(function() return done_count > before + 100 end, "the load goes on")
        is_over = true
        running:wait_until(function() return left == 0 end, "the clients are done")
        -- Each connection to the dead worker breaks once, and may be refused once while it is gone.
        assert.is_true(broken_count <= 2 * client_count, broken_count .. " requests were lost")
    end)

    it("that keeps dying is restarted at ever longer intervals", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local pid
        for _ = 1, 3 do
            pid = running:status().workers[1].pid
            kill(pid)
            wait_for_restart(running, 1, pid)
        end
        local delays = {}
        for delay in running:log():gmatch("it is restarted  delay_s=(%S+)") do
            delays[#delays + 1] = tonumber(delay)
        end
        assert.same({ 0, 0.1, 0.2 }, delays)
    end)

    it("is restarted although the file of the program is gone", function()
        local file = os.tmpname()
        local copy = ("cp '%s' '%s' && chmod +x '%s'"):format(program.path(), file, file)
        assert(os.execute(copy) == 0)
        local running = host.start({ services = { ["service.lua"] = SERVICE }, file = file })
        os.remove(file)
        local pid = running:status().workers[1].pid
        kill(pid)
        wait_for_restart(running, 1, pid)
        assert.equal("fine", running:body("/"))
    end)

    it("stuck below a C function is replaced, and the service and its line are named", function()
        local running = host.start({
            services = { ["service.lua"] = SERVICE, ["stuck.lua"] = STUCK },
            flags = { "--stall", "200ms", "--cpu-budget", "0" },
        })
        local pid = running:status().workers[1].pid
        local peer = running:open()
        peer:write("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        running:wait_for_log("worker 1 .*the service stuck did not give the processor back "
            .. "for %d+%.%d s, at %S+stuck%.lua:2")
        wait_for_restart(running, 1, pid)
        assert.equal("fine", running:body("/"))
        peer:close()
    end)

    it("that comes back has what was reloaded while it was away", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
        local pid = running:status().workers[2].pid
        kill(pid)
        running:write("service.lua", [[return { http = function() return "new" end, mount = "/" }]])
        wait_for_restart(running, 2, pid)
        running:wait_for_log("reloaded")
        -- Its number is 2, or 3 when the worker died of the signal while it was loading.
        running:wait_until(function()
            local service = running:service("service")
            local isolates = service.isolates
            return service.generation >= 2 and #isolates == 2
                and isolates[1].generation == service.generation
                and isolates[2].generation == service.generation
        end, "both workers have the new generation")
        for _ = 1, 20 do
            assert.equal("new", running:body("/"))
        end
    end)

    it("ends when its supervisor is killed", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 2 })
        running:signal(9)
        assert.equal(-9, running:wait())
        running:wait_for_log("the supervisor is gone", 2)
    end)
end)
