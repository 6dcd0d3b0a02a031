--- The registry in a stand-in for a Consul agent, in trouble: it forgets, fails, and its index goes
-- back.
local consul_stub = require "spec.support.consul_stub"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local instance = require "perigee.registry.instance"
local perigee = require "perigee"
local registry = require "perigee.registry"

local TIMEOUT_S = 20
local TTL_S = 1

local function ids(list)
    return table.concat(instance.ids(list or {}), " ")
end

describe("the registry in Consul", function()
    local agent, opened

    before_each(function()
        agent = consul_stub.start()
        opened = registry.open(agent:location(), { ttl_s = TTL_S, verify_s = 0.2, wait_s = 5,
            suspect_s = 0.2 })
    end)

    after_each(function()
        agent:set_broken(false)
        opened:close()
        host.stop_all()
    end)

    local function register(id)
        local registration = opened:register({ service = "users", id = id,
            address = "127.0.0.1:8001" })
        assert(registration:wait(TIMEOUT_S))
        return registration
    end

    local function wait_for_known(wanted)
        eventually(function()
            return ids(opened:instances("users")) == wanted
        end, "known are '" .. wanted .. "'")
    end

    it("beats, so that an instance passes beyond its time to live", function()
        register("a")
        wait_for_known("a")
        local over = perigee.now() + 1.5 * TTL_S
        eventually(function()
            assert.equal("a", ids(opened:instances("users")))
            return perigee.now() > over and agent:pass_count() > 3
        end, "the time to live is over")
    end)

    it("loses what does not beat", function()
        local other = registry.open(agent:location(), { ttl_s = TTL_S })
        other:register({ service = "users", id = "b", address = "127.0.0.1:8002" })
            :wait(TIMEOUT_S)
        register("a")
        wait_for_known("a b")
        -- Its process dies: nobody beats, and nobody deregisters.
        other.keeper:close()
        wait_for_known("a")
    end)

    it("registers again with an agent that has forgotten", function()
        local registration = register("a")
        wait_for_known("a")
        agent:forget()
        eventually(function()
            return not registration:is_registered()
        end, "it is noticed")
        eventually(function()
            return registration:is_registered()
        end, "it is registered again")
        wait_for_known("a")
    end)

    it("keeps the last instances while the agent fails", function()
        register("a")
        wait_for_known("a")
        agent:set_broken(true)
        eventually(function()
            local list, info = opened:instances("users")
            assert.equal("a", ids(list))
            return info.age_s > TTL_S
        end, "it has not been heard for long")
        agent:set_broken(false)
        eventually(function()
            local _, info = opened:instances("users")
            return info.age_s < TTL_S
        end, "it is heard again")
    end)

    it("begins anew when the index goes back", function()
        agent:set_index(5000)
        register("a")
        wait_for_known("a")
        agent:set_index(7)
        register("b")
        wait_for_known("a b")
    end)

    it("takes the node's address where a service has none", function()
        local record = require("perigee.registry.consul").record_of({
            Node = { Address = "10.0.0.9" },
            Service = { ID = "a", Service = "users", Address = "", Port = 80, Meta = nil },
        })
        assert.equal("10.0.0.9:80", record.address)
    end)
end)
