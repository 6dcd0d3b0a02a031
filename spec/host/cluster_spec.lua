--- tools/cluster: hosts die, leave and join under a load of requests that may be repeated, and not
-- one of these fails.
local client = require "perigee.http.client"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local SIGINT, SIGTERM = 2, 15
local LOAD_TASKS = 8

local FRONT = [[
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local app = http.router()
    app:all("/*rest", gateway.proxy { service = "who", balancer = "round_robin",
        retries = { attempts = 3 } })
    return { http = app, mount = "/" }
]]

-- Answers with what tells hosts apart.
local WHO = [[
    local http = require "perigee.http"
    local perigee = require "perigee"
    local app = http.router()
    local name = "%s" .. tostring({}):match("0x(%%x+)")
    app:get("/", function()
        perigee.sleep(0.001)
        return name
    end)
    return { http = app }
]]

local function start_cluster(root)
    root:write("services/who.lua", WHO:format("host "))
    root:write("front/front.lua", FRONT)
    local self = program.start({ "--http", "127.0.0.1:0", "--ttl", "2s", "--front",
        root:join("front"), root:join("services") },
        { file = "tools/cluster", environment = { PERIGEE_BINARY = program.path() } })
    eventually(function()
        assert(not self:has_ended(), self:last_words())
        return self.output:find("Ctrl%-C ends all")
    end, "the cluster is up")
    return self
end

-- Asks again and again until `load.is_over`; counts what was answered, and by whom.
local function run_load(address)
    local load = { answered = 0, failed = {}, by = {}, running = LOAD_TASKS, is_over = false }
    for _ = 1, LOAD_TASKS do
        perigee.go(function()
            local pool = client.pool(address)
            while not load.is_over do
                local answer, code, detail = pool:request({ target = "/", timeout_s = 20 })
                if answer and answer.status == 200 then
                    load.answered = load.answered + 1
                    load.by[answer.body] = load.answered
                else
                    load.failed[#load.failed + 1] = answer and answer.body
                        or ("%s: %s"):format(code, tostring(detail))
                end
            end
            pool:close()
            load.running = load.running - 1
        end)
    end
    return load
end

-- How many hosts have answered since the `position`th answer.
local function count_hosts(load, position)
    local count = 0
    for _, last in pairs(load.by) do
        count = count + (last > position and 1 or 0)
    end
    return count
end

describe("tools/cluster", function()
    local root, cluster, load

    before_each(function()
        root = temporary.new()
        cluster = start_cluster(root)
    end)

    after_each(function()
        if load then
            load.is_over = true
        end
        host.stop_all()
        cluster:finish()
        root:destroy()
    end)

    local function address_of(name)
        return cluster.output:match(name .. " +http://([^/]+)/")
    end

    local function signal(number, name)
        local pid = cluster.output:match(name .. " [^\n]* pid (%d+)")
        assert.equal(0, os.execute(("kill -%d %s"):format(number, pid)))
        eventually(function()
            return cluster.output:find(("pid %s has ended"):format(pid), 1, true)
        end, name .. " has ended")
    end

    -- Waits until exactly `wanted` hosts answer.
    local function await_hosts(wanted)
        eventually(function()
            local position = load.answered
            eventually(function()
                return load.answered >= position + 200
            end, "requests are answered")
            return count_hosts(load, position) == wanted
        end, wanted .. " hosts answer")
    end

    it("loses no request that may be repeated, whoever dies, leaves or joins", function()
        load = run_load(address_of("gateway"))
        await_hosts(3)
        signal(9, "host 2")
        await_hosts(2)
        signal(SIGTERM, "host 1")
        await_hosts(1)
        host.start { services = { ["who.lua"] = WHO:format("another ") }, flags = { "--registry",
            cluster.output:match("etcd://%S+"), "--registry-ttl", "2s", "--drain-delay", "0" } }
        await_hosts(2)
        load.is_over = true
        eventually(function() return load.running == 0 end, "the load is over")
        assert.same({}, load.failed)
    end)

    it("leaves nothing behind when it is interrupted", function()
        local pids = {}
        for pid in cluster.output:gmatch(" pid (%d+)") do
            pids[#pids + 1] = pid
        end
        assert.equal(5, #pids)
        cluster:signal(SIGINT)
        assert.equal(0, cluster:wait())
        for _, pid in ipairs(pids) do
            assert.not_equal(0, os.execute(("kill -0 %s 2>/dev/null"):format(pid)))
        end
    end)

    it("says what it does not understand", function()
        for _, arguments in ipairs({ { "--host", "3" }, { "--hosts", "x" }, { "--ttl" } }) do
            local status, _, log = program.run(arguments, { file = "tools/cluster" })
            assert.equal(2, status)
            assert.matches("^tools/cluster: .*; it takes", log)
        end
    end)
end)
