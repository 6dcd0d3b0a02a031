--- Cables that are pulled: between hosts and their registry, and between hosts. Nothing answers
-- then, and nobody is told.
local base64 = require "perigee.core.base64"
local client = require "perigee.http.client"
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local host = require "spec.support.host"
local network = require "spec.support.network"
local perigee = require "perigee"

if not network.is_own() then
    it("hosts in a network of their own are specified", function()
        local status, said = network.run_alone("spec/host/network_cuts_spec.lua")
        if not status then
            pending(said)
        else
            assert.equal(0, status, said)
        end
    end)
    return
end

local TTL_S = 2

local FRONT = [[
    local gateway = require "perigee.gateway"
    local http = require "perigee.http"
    local app = http.router()
    app:all("/*rest", gateway.proxy { service = "users", balancer = "round_robin", timeout_s = 1.5,
        retries = { attempts = 3 }, ejection = { base_s = 0.5, unreachable_s = 0.5 } })
    return { http = app, mount = "/" }
]]

local USERS = [[
    local http = require "perigee.http"
    local app = http.router()
    app:get("/", function() return "%s" end)
    return { http = app }
]]

describe("hosts with a network", function()
    local cables, registry_node, server

    before_each(function()
        cables = network.new()
        registry_node = cables:add()
        server = etcd.start(1, registry_node)
    end)

    after_each(function()
        host.stop_all()
        etcd.stop_all()
        cables:destroy()
    end)

    local function start(node, services, ttl_s)
        return host.start { services = services, prefix = node.prefix, flags = {
            "--http", node.address .. ":0", "--admin", node.address .. ":0", "--advertise",
            node.address, "--registry", server:location(), "--registry-ttl", tostring(ttl_s),
            "--drain-delay", "0" } }
    end

    -- Key -> the revision in which it was made.
    local function stored()
        local found = {}
        local answer = server:call("/v3/kv/range", { key = base64.encode("/perigee/"),
            range_end = base64.encode("/perigee0") })
        for _, pair in ipairs(answer.kvs or {}) do
            found[base64.decode(pair.key)] = tonumber(pair.create_revision)
        end
        return found
    end

    -- Asks without pause until `load.is_over`.
    local function run_load(front)
        local load = { count = 0, by = {}, failed = {}, is_over = false, has_ended = false }
        perigee.go(function()
            local pool = client.pool(front.http)
            while not load.is_over do
                local answer, code = pool:request({ target = "/", timeout_s = 20 })
                load.count = load.count + 1
                if answer and answer.status == 200 then
                    load.by[answer.body] = load.count
                else
                    load.failed[#load.failed + 1] = answer and answer.body or code
                end
            end
            pool:close()
            load.has_ended = true
        end)
        return load
    end

    local function finish(load)
        load.is_over = true
        eventually(function() return load.has_ended end, "the load is over")
        assert.same({}, load.failed)
    end

    it("that leads to no registry any more serve on, and register again", function()
        local front = start(cables:add(), { ["front.lua"] = FRONT }, TTL_S)
        local users = start(cables:add(), { ["users.lua"] = USERS:format("a") }, TTL_S)
        front:wait_for_body("/", "a")
        local before, load = stored(), run_load(front)
        cables:cut(registry_node)
        for _, running in ipairs({ front, users }) do
            eventually(function()
                return running:status().registry.beat_age_s > 2 * TTL_S
            end, "leases are over")
        end
        cables:mend(registry_node)
        eventually(function()
            local after = stored()
            for key, revision in pairs(before) do
                if not after[key] or after[key] <= revision then
                    return false
                end
            end
            return true
        end, "everything is registered anew")
        finish(load)
    end)

    it("that cuts a host off pass it by, and come back", function()
        local front = start(cables:add(), { ["front.lua"] = FRONT }, 60)
        local node = cables:add()
        start(node, { ["users.lua"] = USERS:format("a") }, 60)
        start(cables:add(), { ["users.lua"] = USERS:format("b") }, 60)
        local load = run_load(front)
        eventually(function() return load.by.a and load.by.b end, "both are asked")
        load.failed = {} -- of before the first was known
        cables:cut(node)
        front:wait_for_log("an instance is left out .*users")
        local position = load.count
        eventually(function() return load.count > position + 100 end, "the other is asked")
        cables:mend(node)
        position = load.count
        eventually(function() return load.by.a > position end, "it is asked again")
        finish(load)
    end)
end)
