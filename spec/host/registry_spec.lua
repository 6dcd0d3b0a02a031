--- Hosts in a registry: their services are there once they are up, as what they are now, and gone
-- before the host stops; services find those of other hosts.
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local perigee = require "perigee"
local program = require "spec.support.program"
local registry = require "perigee.registry"
local temporary = require "spec.support.temporary"

local FINDER = [[
    local http = require "perigee.http"
    local registry = require "perigee.registry"
    local app = http.router()
    local changes = 0

    app:get("/", function()
        return table.concat(registry.host():list(), " ")
    end)

    app:get("/of/:name", function(request)
        local list, code = registry.host():instances(request.params.name)
        if not list then
            return 503, code
        end
        local found = {}
        for i, instance in ipairs(list) do
            found[i] = ("%s:%s"):format(instance.version or "-", instance.generation)
        end
        return table.concat(found, " ")
    end)

    return { http = app }
]]

local USERS = [[
    local http = require "perigee.http"
    local app = http.router()
    app:get("/", function()
        return "users"
    end)
    return { http = app, version = "%s", metadata = { canary = "no" },
        rpc = { Users = { Count = function() return 3 end } } }
]]

describe("a host", function()
    local server

    before_each(function()
        server = etcd.start()
    end)

    after_each(function()
        host.stop_all()
        etcd.stop_all()
    end)

    local function start(services, more)
        local flags = { "--registry", server:location(), "--registry-ttl", "2",
            "--drain-delay", "0" }
        for _, flag in ipairs(more or {}) do
            flags[#flags + 1] = flag
        end
        return host.start { services = services, flags = flags }
    end

    local function stored(name)
        local asking = registry.open(server:location())
        local list = assert(asking:instances(name))
        asking:close()
        return list
    end

    it("has its services registered all the time while a new process takes its place", function()
        local running = start({ ["users.lua"] = USERS:format("1.0") })
        eventually(function() return #stored("users") == 1 end, "it is registered")
        local asking = registry.open(server:location())
        local watcher, gap_count = asking:watch("users"), 0
        perigee.go(function()
            local list = watcher:next()
            while list do
                gap_count = gap_count + (#list == 0 and 1 or 0)
                list = watcher:next()
            end
        end)
        running:upgrade()
        running:wait_for_log("stopped")
        -- The lease of the old process ends, and takes nothing along.
        local over = perigee.now() + 4
        eventually(function()
            assert.equal(1, #stored("users"))
            return perigee.now() > over
        end, "the time to live of the old process is over")
        assert.equal(0, gap_count)
        running:stop()
        eventually(function() return #stored("users") == 0 end, "it is deregistered")
        watcher:close()
        asking:close()
    end)

    it("registers what it serves, and deregisters it before it stops", function()
        local running = start({ ["users.lua"] = USERS:format("1.0") }, { "--zone", "east" })
        eventually(function()
            return #stored("users") == 1
        end, "the service is registered")
        local instance = stored("users")[1]
        assert.same({
            service = "users", id = "users-" .. running.http:gsub(":", "-"),
            address = running.http, rpc = running.rpc, mount = "/users", version = "1.0",
            generation = 1, zone = "east", weight = 100, metadata = { canary = "no" },
        }, instance)
        eventually(function()
            return #stored("Users") == 1
        end, "its RPC service is registered")
        assert.equal(running.rpc, stored("Users")[1].address)
        local status = running:status().registry
        assert.equal("etcd", status.backend)
        assert.equal(2, status.registered)
        assert.equal(0, running:stop())
        assert.same({}, stored("users"))
        assert.same({}, stored("Users"))
    end)

    it("registers what a reload makes of a service, and forgets one that is removed", function()
        local running = start({ ["users.lua"] = USERS:format("1.0") })
        running:write("users.lua", USERS:format("2.0"))
        eventually(function()
            local list = stored("users")
            return list[1] and list[1].version == "2.0" and list[1].generation == 2
        end, "the second version is registered")
        running:remove("users.lua")
        eventually(function()
            return #stored("users") == 0
        end, "it is deregistered")
    end)

    it("tells its services of those of other hosts, and of their changes", function()
        local first = start({ ["finder.lua"] = FINDER })
        first:wait_for_body("/finder/of/users", "")
        local second = start({ ["users.lua"] = USERS:format("1.0") })
        first:wait_for_body("/finder/of/users", "1.0:1")
        first:wait_for_body("/finder", "Users finder users")
        second:write("users.lua", USERS:format("1.1"))
        first:wait_for_body("/finder/of/users", "1.1:2")
        local third = start({ ["users.lua"] = USERS:format("0.9") })
        eventually(function()
            return #first:body("/finder/of/users") == #"1.1:2 0.9:1"
        end, "both are known")
        second:stop()
        first:wait_for_body("/finder/of/users", "0.9:1")
        third:stop()
        first:wait_for_body("/finder/of/users", "")
    end)

    it("goes on with what it knew while etcd is away, and is there when it is back", function()
        local first = start({ ["finder.lua"] = FINDER })
        start({ ["users.lua"] = USERS:format("1.0") })
        first:wait_for_body("/finder/of/users", "1.0:1")
        server:kill_member(1)
        first:wait_for_log("no heartbeat reaches it")
        assert.equal("1.0:1", first:body("/finder/of/users"))
        server:forget()
        server:start_member(1)
        server:wait()
        eventually(function()
            return #stored("users") == 1 and #stored("finder") == 1
        end, "both hosts have registered again")
        assert.equal("1.0:1", first:body("/finder/of/users"))
    end)

    it("begins with the last it knew when etcd is away at its start", function()
        local root = temporary.new()
        local path = root:join("instances.json")
        local first = start({ ["finder.lua"] = FINDER }, { "--registry-snapshot", path })
        start({ ["users.lua"] = USERS:format("1.0") })
        first:wait_for_body("/finder/of/users", "1.0:1")
        first:stop()
        server:kill_member(1)
        local again = start({ ["finder.lua"] = FINDER }, { "--registry-snapshot", path })
        again:wait_for_body("/finder/of/users", "1.0:1")
        again:stop()
        root:write("instances.json", "{ this is no snapshot")
        local third = start({ ["finder.lua"] = FINDER }, { "--registry-snapshot", path })
        third:wait_for_log("is not one: it is passed over")
        assert.equal(503, third:get("/finder/of/users").status)
        root:destroy()
    end)

    it("knows its own services without any registry", function()
        local alone = host.start { services = { ["finder.lua"] = FINDER,
            ["users.lua"] = USERS:format("1.0") }, workers = 2 }
        alone:wait_for_body("/finder/of/users", "1.0:1")
        alone:wait_for_body("/finder", "Users finder users")
        alone:write("users.lua", USERS:format("1.1"))
        alone:wait_for_body("/finder/of/users", "1.1:2")
    end)
end)

describe("the flags of the registry", function()
    for flags, wanted in pairs({
        ["--registry zookeeper://h:1"] = "--registry: 'zookeeper://h:1' is no registry",
        ["--registry etcd://h"] = "--registry: etcd:// is followed by HOST:PORT,...",
        ["--registry etcd://h:1 --http :0"] = "--registry needs --advertise HOST: others cannot",
        ["--registry etcd://h:1 --advertise http://me"] = "--advertise takes a name or an address",
    }) do
        it(("say what is wrong with %s"):format(flags), function()
            local arguments = { "." }
            for word in flags:gmatch("%S+") do
                arguments[#arguments + 1] = word
            end
            local status, _, log = program.run(arguments)
            assert.equal(2, status)
            assert.truthy(log:find(wanted, 1, true), log)
        end)
    end
end)
