--- The registry in a real etcd, in trouble: killed, compacted, robbed of leases and keys, without a
-- quorum, emptied. What was registered comes back, and what was known stays.
local etcd = require "spec.support.etcd"
local etcd_client = require "perigee.registry.etcd_client"
local eventually = require "spec.support.eventually"
local etcd_watch = require "perigee.registry.etcd_watch"
local instance = require "perigee.registry.instance"
local known = require "perigee.registry.known"
local perigee = require "perigee"
local registry = require "perigee.registry"

local base64 = etcd_client.base64

local TIMEOUT_S = 20

-- etcd takes no less than 2 s; beats come at a third of it.
local TTL_S = 2

-- Of an instance that somebody else has stored.
local VALUE = '{"service":"users","id":"%s","address":"127.0.0.1:8009"}'

local function ids(list)
    return table.concat(instance.ids(list or {}), " ")
end

describe("the registry in etcd", function()
    local server, opened

    local function start(count, options)
        server = etcd.start(count)
        options = options or {}
        options.ttl_s = TTL_S
        opened = registry.open(server:location(), options)
    end

    after_each(function()
        opened:close()
        etcd.stop_all()
    end)

    local function register(id)
        local registration = opened:register({ service = "users", id = id,
            address = "127.0.0.1:8001" })
        assert(registration:wait(TIMEOUT_S))
        return registration
    end

    -- What is stored, asked without the registry.
    local function stored()
        local answer = server:call("/v3/kv/range", { key = base64.encode("/perigee/users/"),
            range_end = base64.encode("/perigee/users0") })
        local keys = {}
        for i, kv in ipairs(answer.kvs or {}) do
            keys[i] = base64.decode(kv.key):match("[^/]*$")
        end
        return table.concat(keys, " "), answer.kvs and answer.kvs[1] and answer.kvs[1].lease
    end

    local function wait_for_stored(wanted)
        eventually(function()
            return stored() == wanted
        end, "etcd has '" .. wanted .. "'")
    end

    local function wait_for_known(wanted)
        eventually(function()
            return ids(opened:instances("users")) == wanted
        end, "known are '" .. wanted .. "'")
    end

    it("keeps an instance beyond its time to live", function()
        start()
        register("a")
        local over = perigee.now() + 1.5 * TTL_S
        eventually(function()
            assert.equal("a", (stored()))
            return perigee.now() > over
        end, "the time to live is over")
    end)

    it("registers again with another lease when the lease is gone", function()
        start()
        register("a")
        local _, before = stored()
        server:call("/v3/lease/revoke", { ID = before })
        wait_for_stored("a")
        local _, after = stored()
        assert.not_equal(before, after)
        wait_for_known("a")
    end)

    it("registers again what somebody has deleted", function()
        start(1, { verify_s = 0.2 })
        register("a")
        wait_for_known("a")
        server:call("/v3/kv/deleterange", { key = base64.encode("/perigee/users/a") })
        wait_for_known("a")
        wait_for_stored("a")
    end)

    it("registers when etcd comes, if it was away at first", function()
        start()
        server:kill_member(1)
        local registration = opened:register({ service = "users", id = "a",
            address = "127.0.0.1:8001" })
        assert.equal("timeout", select(2, registration:wait(0.05)))
        server:start_member(1)
        assert(registration:wait(TIMEOUT_S))
        wait_for_stored("a")
    end)

    it("knows the last instances while etcd is away, and follows when it is back", function()
        start()
        register("a")
        wait_for_known("a")
        server:kill_member(1)
        assert.equal("a", ids(opened:instances("users")))
        server:start_member(1)
        server:wait()
        register("b")
        wait_for_known("a b")
    end)

    it("misses no change that was made while it watched nothing", function()
        start()
        register("a")
        wait_for_known("a")
        server:stop_member(1)
        server:start_member(1)
        server:wait()
        -- By somebody else, and at once: most likely before the next watch is open.
        server:call("/v3/kv/put", { key = base64.encode("/perigee/users/x"),
            value = base64.encode(VALUE:format("x")) })
        wait_for_known("a x")
        server:call("/v3/kv/deleterange", { key = base64.encode("/perigee/users/x") })
        wait_for_known("a")
    end)

    it("reads more than fits into one answer", function()
        server = etcd.start()
        for page = 0, 10 do
            local puts = {}
            for i = 1, 100 do
                local id = ("i%d-%d"):format(page, i)
                puts[i] = { request_put = { key = base64.encode("/perigee/users/" .. id),
                    value = base64.encode(VALUE:format(id)) } }
            end
            server:call("/v3/kv/txn", { success = puts })
        end
        opened = registry.open(server:location(), { ttl_s = TTL_S })
        assert.equal(1100, #assert(opened:instances("users")))
    end)

    it("reads all anew when what it would go on with was compacted", function()
        start()
        local function put(id)
            return server:call("/v3/kv/put", { key = base64.encode("/perigee/users/" .. id),
                value = base64.encode(VALUE:format(id)) }).header.revision
        end
        put("a")
        put("b")
        server:call("/v3/kv/compaction", { revision = put("c"), physical = true })
        -- As it is when the last that was seen lies before the compaction.
        local found = known.new()
        found:replace("users", { assert(instance.decode(VALUE:format("gone"))) })
        local client = etcd_client.new({ addresses = { server.members[1].address } })
        local watch = etcd_watch.new({ client = client, prefix = "/perigee/", known = found })
        watch.next_revision = "2"
        local running = perigee.go(watch.run, watch)
        eventually(function()
            return ids((found:instances("users"))) == "a b c"
        end, "all is read anew")
        running:cancel()
        client:close()
    end)

    it("opens a new watch when the old one is silent", function()
        start(1, { silence_s = 0.1 })
        register("a")
        wait_for_known("a")
        eventually(function()
            local _, info = opened:instances("users")
            return info.age_s < 0.1
        end, "it is heard again and again")
        register("b")
        wait_for_known("a b")
    end)

    it("passes over values that are no instances", function()
        start()
        for key, value in pairs({
            ["users/bad"] = "{", ["users/other"] = '{"service":"orders","id":"z","address":"h:1"}',
            ["users/deep/er"] = "1", ["users/null"] = "null", ["users/a1"] =
                '{"service":"users","id":"a1","address":"h:1","newer":true,"zone":null}',
        }) do
            server:call("/v3/kv/put", { key = base64.encode("/perigee/" .. key),
                value = base64.encode(value) })
        end
        wait_for_known("a1")
        assert.same({ "users" }, opened:list())
    end)

    it("does not believe at once that all are gone", function()
        start(1, { suspect_s = 0.5, silence_s = 0.1 })
        server:call("/v3/kv/put", { key = base64.encode("/perigee/users/x"),
            value = base64.encode(VALUE:format("x")) })
        wait_for_known("x")
        server:kill_member(1)
        server:forget()
        server:start_member(1)
        server:wait()
        eventually(function()
            local list, info = opened:instances("users")
            return info.suspect_s and ids(list) == "x"
        end, "it is suspected, and still there")
        wait_for_known("")
    end)

    it("withdraws everything when it is closed", function()
        start()
        register("a")
        register("b")
        assert.is_true(opened:close())
        assert.equal("", (stored()))
    end)

    it("goes on with the members that are left, and waits for a quorum", function()
        start(3)
        register("a")
        wait_for_known("a")
        server:kill_member(1)
        register("b")
        wait_for_known("a b")
        server:kill_member(2)
        local registration = opened:register({ service = "users", id = "c",
            address = "127.0.0.1:8003" })
        assert.equal("timeout", select(2, registration:wait(0.1)))
        assert.equal("a b", ids(opened:instances("users")))
        server:start_member(2)
        assert(registration:wait(TIMEOUT_S))
        wait_for_known("a b c")
    end)
end)
