local network_grant = require "perigee.core.network_grant"

describe("perigee.core.network_grant", function()
    local function grants(...)
        local list = {}
        for i, text in ipairs({ ... }) do
            list[i] = assert(network_grant.parse(text), text)
        end
        return list
    end

    it("refuses what is no destination", function()
        for _, text in ipairs({ "", ":80", "a b", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.1",
            "10.0.0.1:0", "10.0.0.1:65536", "db:x", "[::1", "unix:", "*.", "*x", "http://a",
            "999.1.1.1", "a/8", "db:80:90/7" }) do
            assert.is_nil(network_grant.parse(text), text)
        end
    end)

    it("compares names without regard to case and the last dot", function()
        local list = grants("db.internal:5432", "*.example.org", "cache")
        assert.is_true(network_grant.has_name(list, "DB.internal.", 5432))
        assert.is_false(network_grant.has_name(list, "db.internal", 5433))
        assert.is_true(network_grant.has_name(list, "a.b.example.org", 1))
        assert.is_false(network_grant.has_name(list, "example.org", 1))
        assert.is_false(network_grant.has_name(list, "evil-example.org", 1))
        assert.is_true(network_grant.has_name(list, "cache", 99))
        assert.is_false(network_grant.has_name(list, "cache.evil.org", 99))
        assert.is_false(network_grant.has_address(list, "10.0.0.1", 5432))
    end)

    it("compares addresses by their first bits", function()
        local list = grants("10.16.0.0/12:443", "192.168.1.7", "[2001:db8::]/33:80", "fe80::/10")
        assert.is_true(network_grant.has_address(list, "10.16.0.1", 443))
        assert.is_true(network_grant.has_address(list, "10.31.255.255", 443))
        assert.is_false(network_grant.has_address(list, "10.32.0.0", 443))
        assert.is_false(network_grant.has_address(list, "10.16.0.1", 80))
        assert.is_true(network_grant.has_address(list, "192.168.1.7", 5))
        assert.is_true(network_grant.has_address(list, "::ffff:192.168.1.7", 5))
        assert.is_false(network_grant.has_address(list, "192.168.1.8", 5))
        assert.is_true(network_grant.has_address(list, "2001:db8:7fff::1", 80))
        assert.is_false(network_grant.has_address(list, "2001:db8:8000::1", 80))
        assert.is_true(network_grant.has_address(list, "fe80::1", 1))
        assert.is_false(network_grant.has_name(list, "192.168.1.7.example.org", 5))
    end)

    it("lets everything be connected to by *, and nothing without grants", function()
        local all = grants("*")
        assert.is_true(network_grant.has_name(all, "anything", 1))
        assert.is_true(network_grant.has_address(all, "::1", 1))
        assert.is_true(network_grant.has_path(all, "/run/db.sock"))
        assert.is_false(network_grant.has_address({}, "127.0.0.1", 1))
        assert.is_true(network_grant.has_path(grants("unix:/run/db.sock"), "/run/db.sock"))
        assert.is_false(network_grant.has_path(grants("unix:/run/db.sock"), "/run/db.sock2"))
    end)
end)
