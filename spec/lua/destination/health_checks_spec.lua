--- Active checks: when each instance is asked, and what is believed of it. Time is virtual, and
-- instances are functions in place of the network.
local client = require "perigee.http.client"
local destination = require "perigee.destination"
local perigee = require "perigee"
local registry = require "perigee.registry"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local testing = require "perigee.testing"

describe("active checks", function()
    local known, one, is_up, asked, real_request, real_connect

    before_each(function()
        testing.virtual_clock()
        known = registry.open "embedded"
        is_up, asked = {}, {}
        real_request, real_connect = client.request, stream.connect
        client.request = function(request)
            asked[#asked + 1] = { request = request, at = perigee.now() }
            local state = is_up[request.address]
            if state == false then
                return nil, "refused", "cannot connect"
            end
            return { status = state or 200 }
        end
    end)

    after_each(function()
        client.request, stream.connect = real_request, real_connect
        one:close()
        known:close()
    end)

    local function register(...)
        for _, id in ipairs { ... } do
            known:register({ service = "users", id = id, address = id .. ":80" }):wait(1)
        end
    end

    local function open(health, options)
        options = options or {}
        options.health = health
        one = destination.open("users", options, known)
        assert(one:refresh())
        return one
    end

    local function healthy()
        local list = {}
        for id, instance in pairs(destination.counters().users.instances) do
            if instance.is_healthy then
                list[#list + 1] = id
            end
        end
        table.sort(list)
        return table.concat(list, " ")
    end

    it("ask every instance in its turn, each at a time of its own", function()
        register("a", "b", "c")
        open { path = "/healthz" }
        perigee.sleep(100)
        assert.equal(30, #asked)
        local first, times = {}, {}
        for _, check in ipairs(asked) do
            local address = check.request.address
            assert.equal("/healthz", check.request.target)
            assert.equal(2, check.request.timeout_s)
            if times[address] then
                assert.is_true(math.abs(check.at - times[address] - 10) < 1e-6)
            else
                first[#first + 1] = check.at
            end
            times[address] = check.at
        end
        assert.equal(3, #first)
        assert.is_true(first[1] ~= first[2] and first[2] ~= first[3])
    end)

    it("believe three failures and two successes, in a row", function()
        register("a", "b", "c")
        open { path = "/h", every_s = 1 }
        is_up["b:80"] = false
        perigee.sleep(2)
        assert.equal("a b c", healthy())
        is_up["b:80"] = nil
        perigee.sleep(1)
        is_up["b:80"] = 503
        perigee.sleep(2)
        assert.equal("a b c", healthy())
        perigee.sleep(1)
        assert.equal("a c", healthy())
        is_up["b:80"] = 204
        perigee.sleep(1)
        assert.equal("a c", healthy())
        perigee.sleep(1)
        assert.equal("a b c", healthy())
    end)

    it("leave out who does not work, and nobody when that would be most", function()
        register("a", "b")
        open({ path = "/h", every_s = 1 }, { policy = "round_robin" })
        local function called()
            local counts = {}
            for _ = 1, 20 do
                local id = one:call { attempt = function(instance) return instance.id end }
                counts[id] = (counts[id] or 0) + 1
            end
            return counts
        end
        is_up["a:80"] = 500
        perigee.sleep(4)
        assert.same({ b = 20 }, called())
        is_up["b:80"] = 500
        perigee.sleep(4)
        assert.equal("", healthy())
        assert.same({ a = 10, b = 10 }, called())
        assert.is_true(destination.counters().users.is_panic)
    end)

    it("follow the list, and keep what is known of who stays", function()
        register("a", "b")
        open { path = "/h", every_s = 1 }
        is_up["a:80"] = false
        perigee.sleep(4)
        register("c")
        assert(one:refresh())
        assert.equal("b c", healthy())
        asked = {}
        perigee.sleep(3)
        assert.equal(9, #asked)
    end)

    it("begin no second check of one that is still being asked", function()
        register("a")
        local running, most = 0, 0
        client.request = function()
            running = running + 1
            most = math.max(most, running)
            perigee.sleep(3.5)
            running = running - 1
            return { status = 200 }
        end
        open { path = "/h", every_s = 1, timeout_s = 5 }
        perigee.sleep(20)
        assert.equal(1, most)
    end)

    it("end when the destination is closed", function()
        register("a")
        open { path = "/h", every_s = 1 }
        perigee.sleep(3)
        one:close()
        asked = {}
        perigee.sleep(10)
        assert.same({}, asked)
    end)

    it("go on after a check that broke, which is told", function()
        register("a", "b")
        local count, told = 0, 0
        local on_failure = scheduler.on_failure
        finally(function() scheduler.on_failure = on_failure end)
        scheduler.on_failure = function() told = told + 1 end
        client.request = function()
            count = count + 1
            error("it breaks")
        end
        open { path = "/h", every_s = 1 }
        perigee.sleep(5)
        assert.equal(10, count)
        assert.equal(10, told)
    end)

    it("may be a connection, and go to another port", function()
        register("a", "b")
        local connected, closed = {}, 0
        stream.connect = function(address)
            connected[address] = true
            if address == "b:9" then
                return nil, "refused"
            end
            return { close = function() closed = closed + 1 end }
        end
        open { tcp = true, port = 9, every_s = 1 }
        perigee.sleep(4)
        assert.same({ ["a:9"] = true, ["b:9"] = true }, connected)
        assert.is_true(closed >= 3)
        assert.equal("a", healthy())
    end)
end)
