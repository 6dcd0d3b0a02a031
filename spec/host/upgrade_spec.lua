--- USR2: a new process takes the place of the supervisor and its workers, and no client notices.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local seam = require "host"
local temporary = require "spec.support.temporary"
local websocket_peer = require "spec.support.websocket_peer"

local SIGKILL, SIGUSR2 = 9, 12

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local is_open = false
app:get("/", function() return "fine" end)
app:get("/gated", function(_, response)
    response:write("before ")
    while not is_open do perigee.sleep(0.002) end
    return response:write("after")
end)
app:get("/open", function() is_open = true return "open" end)
app:websocket("/socket", function(socket)
    socket:send("here")
    socket:receive()
end)
return { http = app, mount = "/" }
]]

local function get(target)
    return ("GET %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(target)
end

-- Reads until `text` was said.
local function read_until(peer, text)
    local all = ""
    eventually(function()
        all = all .. (peer:read() or "")
        return all:find(text, 1, true)
    end, "the host says " .. text)
end

local function start(options)
    options = options or {}
    options.services = options.services or { ["service.lua"] = SERVICE }
    return host.start(options)
end

-- Clients that ask again and again until `load.is_over`: each second one on a new connection.
local function begin_load(running, count)
    local load = { is_over = false, answers = 0, closed = 0, failures = {}, left = count }
    local function ask(kept)
        local connection = kept or client.connect(running.http)
        local answer, code = nil, "refused"
        if connection then
            answer, code = connection:request({ target = "/" })
        end
        if not answer then
            load.failures[#load.failures + 1] = code
        elseif answer.body ~= "fine" then
            load.failures[#load.failures + 1] = answer.status
        else
            load.answers = load.answers + 1
        end
        return connection, answer
    end
    for i = 1, count do
        perigee.go(function()
            local kept
            while not load.is_over do
                local connection, answer = ask(kept)
                kept = i % 2 == 0 and answer and answer:header("connection") ~= "close"
                    and connection or nil
                if connection and not kept then
                    connection:close()
                end
                perigee.sleep(0)
            end
            load.left = load.left - 1
        end)
    end
    return load
end

local function wait_for_answers(load, count)
    local before = load.answers
    eventually(function() return load.answers >= before + count end, "there are more answers")
end

describe("an upgrade", function()
    after_each(host.stop_all)

    -- Writes the configuration file anew.
    local function configure(running, text)
        running.root:write("perigee.lua", text)
    end

    it("has a new process on the same ports, and the old one ends in order", function()
        local running = start({ workers = 2 })
        local old = running:status()
        local pid = running:upgrade()
        running:wait_for_log("stopped  .*cut_requests=0")
        running:wait_until(function() return running.program.status end, "the old one has ended")
        assert.equal(0, running.program.status)
        local new = running:status()
        assert.equal(pid, new.pid)
        assert.same(old.addresses, new.addresses)
        assert.equal("fine", running:body("/"))
        for _, worker in ipairs(old.workers) do
            assert.is_nil(io.open(("/proc/%d/stat"):format(worker.pid)))
        end
        assert.equal(200, select(2, running:ask("GET", "/readyz")))
        running:write("service.lua", (SERVICE:gsub('"fine"', '"new"')))
        running:wait_for_body("/", "new")
    end)

    it("loses no request, one after the other under load", function()
        local running = start({ workers = 2 })
        local load = begin_load(running, 8)
        for _ = 1, 5 do
            wait_for_answers(load, 50)
            running:upgrade()
        end
        wait_for_answers(load, 50)
        load.is_over = true
        running:wait_until(function() return load.left == 0 end, "the clients are done")
        assert.same({}, load.failures)
    end)

    it("lets the old process finish what has begun, and tells WebSockets 1012", function()
        local running = start()
        local gated = running:open()
        gated:write(get("/gated"))
        local socket = running:open()
        socket:write(websocket_peer.handshake("/socket"))
        running:wait_until(function()
            local isolate = running:service("service").isolates[1]
            return isolate.in_flight == 1 and isolate.websockets == 1
        end, "both have begun")
        local release = running:connect()
        assert.equal("fine", release:request({ target = "/" }).body)
        running:upgrade()
        -- This connection was used just now, and so belongs to the old process for one request.
        assert.equal("open", release:request({ target = "/open" }).body)
        assert.matches("after\r\n0\r\n\r\n$", running.read_all(gated))
        read_until(socket, "\3\244") -- close, 1012
        socket:write(websocket_peer.frame(128 + websocket_peer.CLOSE, "\3\244"))
        running:wait_for_log("stopped  .*cut_streams=0")
        release:close()
        socket:close()
    end)

    describe("fails when the new process", function()
        local function expect_failure(running, pattern)
            running:signal(SIGUSR2)
            running:wait_for_log("ERROR perigee  upgrade: the new process " .. pattern
                .. "; this one goes on")
            assert.equal("fine", running:body("/"))
            assert.equal(running.program.pid, running:status().pid)
        end

        it("does not understand its configuration, and once that is repaired it works", function()
            local running = start({ config = "return {}" })
            configure(running, "nonsense")
            expect_failure(running, "exited with status 2")
            running:wait_for_log("perigee: .*perigee%.lua:1")
            configure(running, "return {}")
            running:upgrade()
            assert.equal("fine", running:body("/"))
        end)

        it("cannot listen where it is to", function()
            local other = start()
            local running = host.start({ services = { ["service.lua"] = SERVICE }, rpc = false,
                config = "return { rpc = '127.0.0.1:0' }" })
            configure(running, ("return { rpc = '%s' }"):format(other.rpc))
            expect_failure(running, "exited with status 1")
            running:wait_for_log("another program listens there")
        end)

        it("is no program", function()
            local root = temporary.new()
            local file = root:join("perigee")
            assert(os.execute(("cp '%s' '%s'"):format(program.path(), file)) == 0)
            local running = start({ file = file })
            root:write("perigee", "nothing that runs")
            expect_failure(running, "could not be started: .*/perigee: %w+")
            root:destroy()
        end)

        it("is not ready in time", function()
            local running = start({ flags = { "--no-watch", "--upgrade-timeout", "1s" } })
            running:write("service.lua", 'require("perigee").sleep(4) ' .. SERVICE)
            expect_failure(running, "was not ready within 1 s")
            running:write("service.lua", SERVICE)
            running:upgrade()
        end)

        it("is killed", function()
            local running = start({ flags = { "--no-watch" } })
            running:write("service.lua", 'require("perigee").sleep(4) ' .. SERVICE)
            running:signal(SIGUSR2)
            local line = running:wait_for_log("a new process starts  pid=")
            running:signal(SIGUSR2)
            running:wait_for_log("upgrade: one is under way already")
            os.execute("kill -9 " .. line:match("pid=(%d+)"))
            running:wait_for_log("the new process was ended by signal 9; this one goes on")
            assert.equal("fine", running:body("/"))
        end)
    end)

    it("is called off by TERM", function()
        local running = start({ flags = { "--no-watch" } })
        running:write("service.lua", 'require("perigee").sleep(4) ' .. SERVICE)
        running:signal(SIGUSR2)
        local pid = running:wait_for_log("a new process starts  pid="):match("pid=(%d+)")
        assert.equal(0, running:stop())
        assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
    end)

    it("goes on although the old process is killed before it is over", function()
        local running = start({ flags = { "--no-watch" } })
        running:write("service.lua", 'print("loads") require("perigee").sleep(0.5) ' .. SERVICE)
        running:signal(SIGUSR2)
        local pid = tonumber(running:wait_for_log("a new process starts"):match("pid=(%d+)"))
        running:wait_for_log("loads")
        running:signal(SIGKILL)
        running.program:follow(pid)
        running:wait_for_log("the service is up", 2)
        running:wait_until(function()
            local answer = client.request({ address = running.admin, target = "/readyz" })
            return answer and answer.status == 200
        end, "the new process serves")
        assert.equal("fine", running:body("/"))
        assert.equal(pid, running:status().pid)
    end)

    it("goes on as the user that the host has become", function()
        if not seam.is_root() then
            pending("only root becomes another user")
            return
        end
        local running = start({ flags = { "--user", "nobody" } })
        local pid = running:upgrade()
        assert.equal("fine", running:body("/"))
        local status = assert(io.open(("/proc/%d/status"):format(pid))):read("*a")
        assert.is_nil(status:find("\nUid:[\t%d]*\t0[\t\n]"))
    end)

    it("may change how many workers there are; none of the sockets is left alone", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, workers = 1 })
        assert.equal(1, #running:status().workers)
        running = host.start({ services = { ["service.lua"] = SERVICE }, workers = false,
            config = "return { workers = 3 }" })
        assert.equal(3, #running:status().workers)
        configure(running, "return { workers = 1 }")
        running:upgrade()
        assert.equal(3, #running:status().workers)
        configure(running, "return { workers = 5 }")
        running:upgrade()
        assert.equal(5, #running:status().workers)
        for _ = 1, 30 do
            assert.equal("fine", running:body("/"))
        end
    end)

    it("may change where the host listens", function()
        local running = host.start({ services = { ["service.lua"] = SERVICE }, rpc = false,
            config = "return { rpc = '127.0.0.1:0' }" })
        local rpc = running:status().addresses.rpc
        configure(running, "return { rpc = 'off' }")
        running:upgrade()
        assert.is_nil(running:status().addresses.rpc)
        running:wait_until(function()
            return not require("perigee.core.stream").connect(rpc)
        end, "nobody listens for RPC any more")
        configure(running, "return { rpc = 'localhost:0' }")
        running:upgrade()
        assert.matches("127.0.0.1:%d+", running:status().addresses.rpc)
        assert.equal("fine", running:body("/"))
    end)
end)
