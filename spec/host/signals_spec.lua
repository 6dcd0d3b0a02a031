local host = require "spec.support.host"
local perigee = require "perigee"

local SIGHUP, SIGINT, SIGTERM = 1, 2, 15

-- /slow answers after /release was asked.
local SERVICE = [[
local perigee = require "perigee"
local http = require "perigee.http"
local app = http.router()
local is_released = false
app:get("/slow", function()
    while not is_released do
        perigee.sleep(0.002)
    end
    return "done"
end)
app:get("/release", function() is_released = true return "" end)
app:get("/endless", function() perigee.sleep(1e6) end)
return { http = app, mount = "/", stop = function() print("stop was called") end }
]]

describe("the signal", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... },
            workers = 2 })
    end

    local function begin(running, target)
        local request = {}
        perigee.go(function()
            request.answer = running:request({ target = target })
        end)
        running:wait_until(function()
            local count = 0
            for _, isolate in ipairs(running:service("service").isolates) do
                count = count + isolate.in_flight
            end
            return count > 0
        end, "the request is in flight")
        return request
    end

    for name, signal in pairs({ TERM = SIGTERM, INT = SIGINT }) do
        it(name .. " ends an idle host with status 0, after stop() of its services", function()
            local running = start()
            running:signal(signal)
            assert.equal(0, running:wait())
            running:wait_for_log("service  stop was called", 2)
            running:wait_for_log("stopped  .*cut_requests=0")
        end)
    end

    it("TERM lets a request in flight finish first, and one that was about to come", function()
        local running = start()
        -- Each worker shall have one: which it is that a connection reaches is the kernel's choice.
        local late = {}
        for i = 1, 20 do
            late[i] = running:open()
        end
        local request = begin(running, "/slow")
        running:signal(SIGTERM)
        running:wait_for_log("stopping")
        assert.is_nil(request.answer)
        for _, peer in ipairs(late) do
            peer:write("GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
        end
        assert.equal(0, running:wait())
        assert.equal("done", request.answer.body)
        assert.equal("close", request.answer:header("connection"))
        for _, peer in ipairs(late) do
            peer:close()
        end
    end)

    it("TERM cuts what outlasts the drain deadline, and counts it", function()
        local running = start("--drain", "50ms")
        local request = begin(running, "/endless")
        running:signal(SIGTERM)
        assert.equal(3, running:wait())
        running:wait_until(function() return request.answer end, "the request is answered")
        assert.equal(503, request.answer.status)
        running:wait_for_log("stopped: requests were cut at the drain deadline.*cut_requests=1")
    end)

    it("TERM a second time ends the host at once, with status 1", function()
        local running = start()
        local peer = running:open()
        peer:write("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        running:signal(SIGTERM)
        running:wait_for_log("stopping")
        running:signal(SIGTERM)
        assert.equal(1, running:wait())
        peer:close()
    end)

    it("that reaches a worker, as from a terminal, is the supervisor's business", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE } })
        local request = begin(running, "/slow")
        local pid = running:status().workers[1].pid
        for _, signal in ipairs({ SIGHUP, SIGINT, SIGTERM }) do
            os.execute(("kill -%d %d"):format(signal, pid))
        end
        assert.equal("", running:body("/release"))
        running:wait_until(function() return request.answer end, "the request is answered")
        assert.equal("done", request.answer.body)
        assert.equal(pid, running:status().workers[1].pid)
    end)

    it("HUP reloads every service, changed or not", function()
        local running = start()
        running:write("other.lua", "return {}")
        running:wait_for_log("other  the service is up")
        running:signal(SIGHUP)
        running:wait_for_log("service  reloaded  generation=2")
        running:wait_for_log("other  reloaded  generation=2")
    end)
end)
