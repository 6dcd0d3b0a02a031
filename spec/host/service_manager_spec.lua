--- systemd, played by a datagram socket and by its own tools: what it is told, and the sockets it
-- opens.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"

local SIGHUP = 1

local SERVICES = { ["service.lua"] = [[
    return { mount = "/", http = function() return "fine" end }
]] }

-- Prints what it receives, a datagram a line.
local RECEIVER = [[
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
receiver.bind("\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True:
    print(receiver.recv(65536).decode().replace("\n", " "), flush=True)
]]

describe("a service manager", function()
    local root, manager

    before_each(function()
        root = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        if manager then
            manager:kill()
            manager = nil
        end
        root:destroy()
    end)

    local function wait_for(pattern, count)
        eventually(function()
            local seen = 0
            for line in manager.output:gmatch("([^\n]*)\n") do
                seen = seen + (line:find(pattern) and 1 or 0)
            end
            return seen >= (count or 1)
        end, "systemd is told " .. pattern .. "; it was told:\n" .. manager.output)
    end

    local function start(environment, address)
        manager = program.start({ "-c", RECEIVER, address or root:join("notify") },
            { file = "/usr/bin/python3" })
        eventually(function() return manager.output:find("bound") end, "somebody listens")
        environment.NOTIFY_SOCKET = environment.NOTIFY_SOCKET or root:join("notify")
        return host.start({ services = SERVICES, environment = environment })
    end

    it("hears when the host is ready, reloads and stops", function()
        local running = start({})
        local ready = "^READY=1 STATUS=1 workers, 1 services MAINPID=" .. running.program.pid .. "$"
        wait_for(ready)
        running:signal(SIGHUP)
        wait_for("^RELOADING=1 MONOTONIC_USEC=%d+ STATUS=.*")
        wait_for(ready, 2)
        assert.equal(0, running:stop())
        wait_for("^STOPPING=1 STATUS=")
        assert.is_nil(manager.output:find("WATCHDOG"))
    end)

    it("hears which process is the host after an upgrade", function()
        local running = start({ WATCHDOG_USEC = "200000", WATCHDOG_PID = "1" })
        local old_pid = running.program.pid
        local pid = running:upgrade()
        wait_for("^MAINPID=" .. pid .. "$")
        wait_for("^READY=1 .*MAINPID=" .. pid .. "$")
        local at = manager.output:find("\nMAINPID=" .. pid)
        assert.is_true(at < manager.output:find("READY=1[^\n]*MAINPID=" .. pid))
        assert.is_true(manager.output:find("MAINPID=" .. old_pid, 1, true) < at)
        -- The first process was not the one to give signs of life, the second one is.
        wait_for("^WATCHDOG=1$", 2)
        assert.is_nil(manager.output:find("STOPPING"))
    end)

    it("gets signs of life twice in the time it gives", function()
        start({ WATCHDOG_USEC = "200000" })
        wait_for("^WATCHDOG=1$", 5)
    end)

    it("may listen at an abstract address", function()
        local name = "@perigee-" .. seam.random_id()
        start({ NOTIFY_SOCKET = name }, name)
        wait_for("^READY=1 ")
    end)

    it("that is not there is told of once", function()
        local running = host.start({ services = SERVICES,
            environment = { NOTIFY_SOCKET = root:join("nobody") } })
        running:wait_for_log("WARN  perigee  the service manager at NOTIFY_SOCKET cannot be told")
        running:signal(SIGHUP)
        running:wait_for_log("reloaded")
        local _, count = running:log():gsub("cannot be told", "")
        assert.equal(1, count)
    end)
end)

-- Runs the host with sockets opened by systemd's tool.
describe("sockets of systemd", function()
    local TOOL = "/usr/bin/systemd-socket-activate"
    local address, running

    after_each(function()
        if running then
            running:finish()
            running = nil
        end
        host.stop_all()
    end)

    -- A port that was free a moment ago.
    local function free_address()
        local fds, actual = assert(seam.listen("127.0.0.1:0", 1))
        seam.close_descriptor(fds[1])
        return actual
    end

    local function start(name, directory)
        address = free_address()
        local arguments = { "--fdname=" .. name, "-l", address, program.path(), "serve", directory,
            "--http", "127.0.0.1:1", "--rpc", "off", "--admin", "127.0.0.1:0", "--workers", "2" }
        if os.getenv("PERIGEE_LUA_PATH") then
            table.insert(arguments, 1, "--setenv=PERIGEE_LUA_PATH")
        end
        running = program.start(arguments, { file = TOOL })
        eventually(function() return running.log:find("Listening on") end, "it listens")
    end

    if not seam.file_info(TOOL) then
        pending("are accepted on: " .. TOOL .. " is not there")
        return
    end

    it("are accepted on in place of the address of the flag, by every worker", function()
        local root = temporary.new()
        root:write("services/service.lua", SERVICES["service.lua"])
        start("http", root:join("services"))
        for _ = 1, 20 do
            local answer = assert(client.request({ address = address, target = "/",
                timeout_s = 20 }))
            assert.equal("fine", answer.body)
        end
        assert.matches("http +http://" .. address, running.output)
        root:destroy()
    end)

    it("must be named", function()
        local root = temporary.new()
        root:write("services/service.lua", SERVICES["service.lua"])
        start("web", root:join("services"))
        client.request({ address = address, target = "/", timeout_s = 20 })
        running:wait()
        assert.equal(1, running.status)
        assert.matches("a socket that is called 'web': FileDescriptorName= must be http, rpc or "
            .. "admin", running.log)
        root:destroy()
    end)
end)

describe("the units of tools/systemd", function()
    local function read(name)
        local file = assert(io.open("tools/systemd/" .. name))
        local text = file:read("*a")
        file:close()
        return text
    end

    it("start the program with flags it has", function()
        local flags = require("perigee.cli.options").serve
        local known = {}
        for _, flag in ipairs(flags) do
            known[flag.name] = true
        end
        local command = read("perigee.service"):match("\nExecStart=([^\n]*)")
        assert.matches("^/usr/local/bin/perigee serve /", command)
        for name in command:gmatch("%-%-([%w-]+)") do
            assert.is_true(known[name], name)
        end
        assert.matches("\nFileDescriptorName=http\n", read("perigee.socket"))
    end)

    if not seam.file_info("/usr/bin/systemd-analyze") then
        pending("are right to systemd-analyze, which is not there")
        return
    end

    it("are right to systemd-analyze", function()
        local root = temporary.new()
        -- It looks for the program, too.
        root:write("perigee.service", (read("perigee.service"):gsub("/usr/local/bin/perigee",
            program.path())))
        root:write("perigee.socket", read("perigee.socket"))
        local status, _, log = program.run({ "verify", root:join("perigee.service"),
            root:join("perigee.socket") }, { file = "/usr/bin/systemd-analyze" })
        assert.equal(0, status, log)
        root:destroy()
    end)
end)
