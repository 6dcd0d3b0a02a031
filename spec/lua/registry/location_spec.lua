local location = require "perigee.registry.location"

describe("perigee.registry.location", function()
    it("reads where a registry is", function()
        assert.same({ kind = "embedded" }, location.parse("embedded"))
        assert.same({ kind = "etcd", addresses = { "127.0.0.1:2379" }, prefix = "/perigee/" },
            location.parse("etcd://127.0.0.1:2379"))
        assert.same({ kind = "etcd", addresses = { "a:1", "[::1]:2" }, prefix = "/x/y/",
            user = "root", password = "p:w@" }, location.parse("etcd://root:p:w@@a:1,[::1]:2/x/y"))
        assert.same({ kind = "consul", addresses = { "h:8500" }, token = "t-1" },
            location.parse("consul://t-1@h:8500/"))
        assert.same({ kind = "consul", addresses = { "h:8500" }, is_tls = true },
            location.parse("consul+https://h:8500"))
        assert.same({ kind = "etcd", addresses = { "h:1" }, prefix = "/perigee/", is_tls = true },
            location.parse("etcd+https://h:1"))
    end)

    it("says what is wrong", function()
        for text, wanted in pairs({
            ["zookeeper://h:1"] = "'zookeeper://h:1' is no registry",
            [""] = "'' is no registry",
            ["etcd+http://h:1"] = "'etcd+http://h:1' is no registry",
            ["+https://h:1"] = "'+https://h:1' is no registry",
            ["etcd+https://h"] = "etcd+https:// is followed by HOST:PORT",
            ["etcd://"] = "'etcd://' is no registry",
            ["etcd://h"] = "'h' is not HOST:PORT",
            ["etcd://h:1,"] = "'' is not HOST:PORT",
            ["etcd://h:70000"] = "'h:70000' is not HOST:PORT",
            ["etcd://user@h:1"] = "what stands before @ must be USER:PASSWORD",
            ["consul://a:1,b:1"] = "there is one address",
        }) do
            local parsed, problem = location.parse(text)
            assert.is_nil(parsed)
            assert.truthy(problem:find(wanted, 1, true), problem)
        end
    end)
end)
