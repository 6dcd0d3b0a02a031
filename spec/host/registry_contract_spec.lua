--- What every registry promises, whatever stands behind it: a table, a real etcd, a stand-in for a
-- Consul agent, and a real agent when CONSUL_HTTP_ADDR names one.
local consul_stub = require "spec.support.consul_stub"
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local instance = require "perigee.registry.instance"
local perigee = require "perigee"
local registry = require "perigee.registry"

local TIMEOUT_S = 20

local BACKENDS = {
    embedded = function()
        return "embedded"
    end,
    etcd = function()
        return etcd.start():location()
    end,
    consul = function()
        return consul_stub.start():location()
    end,
}

local agent = os.getenv("CONSUL_HTTP_ADDR")
if agent then
    BACKENDS["a Consul agent"] = function()
        return "consul://" .. agent:gsub("^http://", "")
    end
end

local function ids(list)
    return table.concat(instance.ids(list or {}), " ")
end

for name, start in pairs(BACKENDS) do
    describe("the registry of " .. name, function()
        local opened

        before_each(function()
            opened = registry.open(start(), { ttl_s = 5 })
        end)

        after_each(function()
            opened:close()
            host.stop_all()
            etcd.stop_all()
        end)

        local function register(id, port, more)
            local record = more or {}
            record.service, record.id, record.address = "users", id, "127.0.0.1:" .. port
            local registration = opened:register(record)
            assert(registration:wait(TIMEOUT_S))
            return registration
        end

        local function wait_for(service, wanted)
            local last
            eventually(function()
                last = ids(assert(opened:instances(service)))
                return last == wanted
            end, ("the instances of %s are '%s'"):format(service, wanted))
        end

        it("has what was registered, and no more once it is not", function()
            local first = register("a", 8001)
            register("b", 8002)
            wait_for("users", "a b")
            assert.is_true(first:is_registered())
            assert.is_true(opened:deregister(first))
            wait_for("users", "b")
            assert.is_false(first:is_registered())
        end)

        it("keeps every field of an instance", function()
            register("a", 8001, { rpc = "127.0.0.1:1234", version = "1.2", zone = "east",
                generation = 7, weight = 50, metadata = { canary = "yes", note = "a b/c" } })
            wait_for("users", "a")
            assert.same({ {
                service = "users", id = "a", address = "127.0.0.1:8001", rpc = "127.0.0.1:1234",
                version = "1.2", zone = "east", generation = 7, weight = 50,
                metadata = { canary = "yes", note = "a b/c" },
            } }, (opened:instances("users")))
        end)

        it("makes an id that a restart makes again", function()
            local registration = opened:register({ service = "users", address = "[::1]:8001" })
            assert(registration:wait(TIMEOUT_S))
            assert.equal("users----1--8001", registration.record.id)
            wait_for("users", "users----1--8001")
            assert.equal("[::1]:8001", opened:instances("users")[1].address)
        end)

        it("replaces an instance of the same id", function()
            register("a", 8001)
            register("a", 8002)
            eventually(function()
                local list = opened:instances("users")
                return #list == 1 and list[1].address == "127.0.0.1:8002"
            end, "the second is the only one")
        end)

        it("lists services by name", function()
            opened:register({ service = "orders", address = "127.0.0.1:8003" }):wait(TIMEOUT_S)
            register("a", 8001)
            eventually(function()
                return table.concat(assert(opened:list()), " ") == "orders users"
            end, "both are listed")
        end)

        it("knows nothing of a service that nobody has, and says so", function()
            register("a", 8001)
            assert.same({}, (opened:instances("user")))
        end)

        it("does not take the name of one for the beginning of another", function()
            opened:register({ service = "users2", id = "z", address = "127.0.0.1:8003" })
                :wait(TIMEOUT_S)
            register("a", 8001)
            wait_for("users", "a")
            wait_for("users2", "z")
        end)

        it("tells a watcher of every change, the present list first", function()
            local watcher = opened:watch("users")
            assert.equal("", ids(assert(watcher:next())))
            local first = register("a", 8001)
            assert.equal("a", ids(assert(watcher:next())))
            register("b", 8002)
            assert.equal("a b", ids(assert(watcher:next())))
            first:deregister()
            assert.equal("b", ids(assert(watcher:next())))
            watcher:close()
            assert.equal("closed", select(2, watcher:next()))
        end)

        it("lets a watcher that was slow see the last list only", function()
            local watcher = opened:watch("users")
            register("a", 8001)
            register("b", 8002)
            wait_for("users", "a b")
            local list
            repeat
                list = assert(watcher:next())
            until #list == 2
            assert.equal("a b", ids(list))
        end)

        it("can be awaited with other things", function()
            local watcher = opened:watch("users")
            watcher:next()
            assert.equal("timeout", (perigee.select {
                { watcher.changes, "recv" },
                timeout = 0.01,
            }))
            register("a", 8001)
            local number, list = perigee.select {
                { watcher.changes, "recv" },
                timeout = TIMEOUT_S,
            }
            assert.equal(1, number)
            assert.equal("a", ids(list))
        end)

        it("can be asked when it was left", function()
            register("a", 8001)
            wait_for("users", "a")
            assert.is_true(opened:leave())
            assert.is_true(opened:leave())
            assert.same({}, (assert(opened:instances("orders"))))
            assert.has_error(function()
                register("b", 8002)
            end)
        end)

        it("says how old its knowledge is", function()
            register("a", 8001)
            wait_for("users", "a")
            local _, info = opened:instances("users")
            assert.is_true(info.age_s >= 0 and info.age_s < TIMEOUT_S)
            assert.is_nil(info.suspect_s)
        end)

        it("refuses what is no instance in the caller's line", function()
            for _, case in ipairs({
                { { address = "127.0.0.1:1" }, "service must be a string, got nil" },
                { { service = "a/b", address = "h:1" }, "service must be 1 to 128 letters" },
                { { service = "a" }, "address must be there: host:port" },
                { { service = "a", address = "127.0.0.1" }, "address must be host:port" },
                { { service = "a", address = "h:1", adress = "x" }, "there is no field 'adress'" },
                { { service = "a", address = "h:1", metadata = { 1 } }, "metadata must have str" },
                { { service = "a", address = "h:1", weight = -1 }, "weight must be from 0" },
            }) do
                local is_ok, problem = pcall(opened.register, opened, case[1])
                assert.is_false(is_ok)
                assert.truthy(problem:find(case[2], 1, true), problem)
            end
        end)
    end)
end
