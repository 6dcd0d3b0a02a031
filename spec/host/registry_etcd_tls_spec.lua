--- The registry in a real etcd that speaks TLS.
local authority = require "spec.support.authority"
local etcd = require "spec.support.etcd"
local eventually = require "spec.support.eventually"
local registry = require "perigee.registry"
local seam = require "host"
local temporary = require "spec.support.temporary"
local tls_client = require "perigee.core.tls_client"

local TIMEOUT_S = 20

describe("the registry in etcd with TLS", function()
    local root, server, location, ca
    local opened = {}

    setup(function()
        root = temporary.new()
        local cert, key = authority.new(root):make("etcd", "DNS:etcd.test,IP:127.0.0.1")
        ca = assert(seam.read_file(cert, 100000))
        server = etcd.start(1, nil, { cert = cert, key = key,
            tls = assert(tls_client.open { ca = ca }) })
        location = "etcd+https://" .. server.members[1].address
    end)

    teardown(function()
        etcd.stop_all()
        root:destroy()
    end)

    after_each(function()
        for _, one in ipairs(opened) do
            one:close()
        end
        opened = {}
    end)

    local function open(tls)
        local one = registry.open(location, { ttl_s = 2, tls = tls })
        opened[#opened + 1] = one
        return one
    end

    it("registers, lists and watches", function()
        local first, second = open { ca = ca }, open { ca = ca }
        local watcher = second:watch("users")
        assert(first:register({ service = "users", address = "127.0.0.1:8001" }):wait(TIMEOUT_S))
        eventually(function()
            local list = second:instances("users")
            return list and list[1] and list[1].address == "127.0.0.1:8001"
        end, "the other hears of it")
        watcher:close()
    end)

    it("tells nothing to whom it does not believe", function()
        local registration = open():register({ service = "users", address = "127.0.0.1:8002" })
        assert.is_nil((registration:wait(0.3)))
        assert.is_false(registration:is_registered())
    end)

    it("says in the caller's line what is wrong with the options", function()
        local is_ok, message = pcall(open, { ca = "none" })
        assert.is_false(is_ok)
        assert.is_truthy(message:find("registry.open: tls.ca: there is no certificate in PEM in it",
            1, true))
    end)
end)
