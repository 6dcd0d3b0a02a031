--- What needs no server; spec/host/tls_client_spec.lua has the rest.
local tls_client = require "perigee.core.tls_client"

describe("perigee.core.tls_client", function()
    it("says what is wrong with its options", function()
        local wrong = {
            ["tls must be a table, got boolean"] = true,
            ["there is no option tls.verify; there are ca, ca_file, cert, cert_file, key, "
                .. "key_file, server_name and insecure_skip_verify"] = { verify = false },
            ["tls.ca must be a string, got number"] = { ca = 5 },
            ["tls.insecure_skip_verify must be a boolean, got string"] =
                { insecure_skip_verify = "yes" },
            ["tls needs a cert and its key, or neither"] = { cert = "a" },
            ["tls takes key or key_file, not both"] = { cert = "a", key = "b", key_file = "c" },
            ['tls.server_name is no name of a server: ".test"'] = { server_name = ".test" },
            ['tls.server_name is no name of a server: ""'] = { server_name = "" },
        }
        for problem, options in pairs(wrong) do
            assert.equal(problem, tls_client.problem(options))
        end
        assert.is_nil(tls_client.problem {})
        assert.is_nil(tls_client.problem { ca = "a", cert = "b", key_file = "c",
            server_name = "a.test", insecure_skip_verify = false })
    end)

    it("knows what a certificate can be for", function()
        for _, name in ipairs { "a.test", "1.2.3.4", "::1", "fe80::1", "_x.test" } do
            assert.is_true(tls_client.is_server_name(name))
        end
        for _, name in ipairs { "", ".a", "-a", "a b", "a\0b", "*.a", ("a"):rep(254) } do
            assert.is_false(tls_client.is_server_name(name))
        end
    end)

    it("tells which file cannot be read, and what is wrong with a text", function()
        assert.same({ nil, "not_found", "tls.ca_file: none.pem cannot be read: not_found" },
            { tls_client.open { ca_file = "none.pem" } })
        assert.same({ nil, "not_found", "tls.ca_file: ../x.pem cannot be read: not_found" },
            { tls_client.open { ca_file = "../x.pem" } })
        assert.same({ nil, "invalid", "tls.ca: there is no certificate in PEM in it" },
            { tls_client.open { ca = "none" } })
        assert.same({ nil, "invalid",
            "docs/tls.md: there is no certificate in PEM in it" },
            { tls_client.open { ca_file = "docs/tls.md" } })
        assert.is_table((tls_client.open {}))
    end)
end)
