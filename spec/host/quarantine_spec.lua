--- A service that crashes its worker repeatedly is taken out, and the others go on.
local host = require "spec.support.host"
local perigee = require "perigee"
local stream = require "perigee.core.stream"

local SIGABRT = 6

-- Computes for a while, so that a worker that is ended meanwhile was in a turn of it.
local SPINNER = [[
local perigee = require "perigee"
local function spin()
    local over = perigee.now() + 0.5
    while perigee.now() < over do end
    return "spun"
end
local Spinner = { Ask = function() return "here" end }
return { mount = "/spin", http = function(request)
    return request.path == "/spin/now" and spin() or "ready"
end, rpc = { Spinner = Spinner } }
]]

local SERVICES = { ["spinner.lua"] = SPINNER, ["other.lua"] = [[
    return { http = function() return "fine" end }
]] }

describe("a service that crashes its worker", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = SERVICES, flags = { ... } })
    end

    local function wait_until_serving(running)
        return running:wait_until(function()
            local worker = running:status().workers[1]
            return worker.state == "serving" and worker
        end, "the worker serves")
    end

    -- Ends the worker while it runs the spinner. Returns false when chance had something else run.
    local function crash_once(running)
        local worker = wait_until_serving(running)
        local peer = running:open()
        peer:write("GET /spin/now HTTP/1.1\r\nHost: x\r\n\r\n")
        running:wait_until(function()
            -- Computing, it does not tell.
            return running:service("spinner").isolates[1].in_flight ~= 0
        end, "the service computes")
        assert(os.execute(("kill -%d %d"):format(SIGABRT, worker.pid)) == 0)
        local line = running:wait_for_log("ended by signal 6.*pid=" .. worker.pid)
        peer:close()
        return line:find("while it ran the service spinner") ~= nil
    end

    local function crash(running, count)
        local done = 0
        while done < count do
            done = done + (crash_once(running) and 1 or 0)
        end
    end

    local function call(running, method)
        local peer = assert(stream.connect(running.rpc))
        peer:write(('{"jsonrpc":"2.0","id":1,"method":"%s"}\n'):format(method))
        local answer = peer:read(perigee.now() + 20)
        peer:close()
        return answer
    end

    it("three times is out, with a reason, until its file changes", function()
        local running = start()
        crash(running, 2)
        wait_until_serving(running)
        assert.equal("ready", running:body("/spin"))
        assert.equal("live", running:service("spinner").state)
        crash(running, 1)
        running:wait_for_log("spinner  quarantined: it has crashed its worker 3 times")
        local worker = wait_until_serving(running)
        local answer = running:get("/spin")
        assert.equal(503, answer.status)
        assert.matches("The service spinner is not running: it has crashed its worker 3 times "
            .. "within 60 s; it stays out until its file changes", answer.body)
        assert.matches("%-32002.*spinner is not running: it has crashed its worker",
            call(running, "Spinner.Ask"))
        assert.equal("fine", running:body("/other"))
        assert.equal("quarantined", running:service("spinner").state)
        assert.matches("spinner.*crashed", running:ask("GET", "/status").services[2].name
            .. running:service("spinner").last_error.message)
        running:write("spinner.lua", SPINNER .. "\n")
        running:wait_for_body("/spin", "ready")
        assert.matches("here", call(running, "Spinner.Ask"))
        assert.equal("live", running:service("spinner").state)
        assert.equal(worker.pid, running:status().workers[1].pid)
    end)

    it("comes back by a reload by hand, and begins to count anew", function()
        local running = start("--max-crashes", "1")
        crash(running, 1)
        running:wait_for_log("quarantined")
        wait_until_serving(running)
        local answer = running:request({ address = running.admin, method = "POST",
            target = "/reload/spinner" })
        assert.equal(200, answer.status)
        assert.equal("ready", running:body("/spin"))
    end)

    it("stays when the limit is 0", function()
        local running = start("--max-crashes", "0")
        crash(running, 4)
        wait_until_serving(running)
        assert.equal("ready", running:body("/spin"))
        assert.is_nil(running:log():find("quarantined"))
    end)
end)
