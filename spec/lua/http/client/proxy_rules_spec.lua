local proxy_rules = require "perigee.http.client.proxy_rules"
local uri = require "perigee.http.uri"

local function rules(options)
    return assert(proxy_rules.new(options))
end

local function is_direct(made, text)
    return made:find(assert(uri.parse(text))) == nil
end

describe("perigee.http.client.proxy_rules", function()
    it("has a proxy for each scheme", function()
        local made = rules { http = "http://p.test:3128", https = "q.test:8080" }
        assert.equal("p.test:3128", uri.address(made:find(assert(uri.parse "http://a.test/"))))
        assert.equal("q.test:8080", uri.address(made:find(assert(uri.parse "https://a.test/"))))
        assert.is_true(is_direct(rules { https = "q.test:8080" }, "http://a.test/"))
        assert.is_true(is_direct(rules { http = "" }, "http://a.test/"))
    end)

    it("asks this machine directly", function()
        local made = rules { http = "http://p.test" }
        for _, host in ipairs { "localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost" } do
            assert.is_true(is_direct(made, ("http://%s:8080/"):format(host)), host)
        end
        assert.is_false(is_direct(made, "http://128.0.0.1/"))
    end)

    -- The cases of golang.org/x/net/http/httpproxy, but for ranges of version 6.
    local cases = {
        { "a.test", "a.test", true }, { "a.test", "www.a.test", true },
        { "a.test", "xa.test", false }, { "a.test", "test", false },
        { ".a.test", "www.a.test", true }, { ".a.test", "a.test", false },
        { "*.a.test", "www.a.test", true }, { "*.a.test", "a.test", false },
        { "A.Test", "a.test", true }, { "a.test", "A.TEST.", true },
        { "a.test:80", "a.test", true }, { "a.test:81", "a.test", false },
        { "x, a.test ,y", "a.test", true }, { "*", "a.test", true },
        { "10.0.0.0/8", "10.255.0.1", true }, { "10.0.0.0/8", "11.0.0.1", false },
        { "10.1.2.3/24", "10.1.2.99", true }, { "10.1.2.3", "10.1.2.3", true },
        { "10.1.2.3", "10.1.2.33", false }, { "2.3", "10.1.2.3", false },
        { "0.0.0.0/0", "a.test", false }, { "0.0.0.0/0", "9.9.9.9", true },
        { "[fe80::1]", "[fe80::1]", true }, { "fe80::1", "[fe80::1]", true },
        { "", "a.test", false }, { ",", "a.test", false }, { "10.0.0.0/33", "10.0.0.1", false },
    }
    for _, case in ipairs(cases) do
        local list, host, expected = unpack(case)
        it(("%s %s with %q"):format(expected and "leaves out" or "asks", host, list), function()
            local made = rules { http = "http://p.test", no_proxy = list }
            assert.equal(expected, is_direct(made, ("http://%s/"):format(host)))
        end)
    end

    it("reads the environment, small letters first", function()
        local variables = { http_proxy = "http://p.test", HTTP_PROXY = "http://no.test",
            HTTPS_PROXY = "http://q.test", NO_PROXY = "b.test" }
        local made = proxy_rules.of_environment(function(name)
            return variables[name]
        end)
        assert.same({ "p.test", "q.test" }, { made.http.host, made.https.host })
        assert.is_true(is_direct(made, "http://b.test/"))
    end)

    it("says what is wrong", function()
        assert.same({ nil, "proxy.http: a proxy is asked by http://, not by socks5://" },
            { proxy_rules.new { http = "socks5://p.test" } })
        assert.same({ nil, "proxy.https: a proxy is asked by http://, not by https://" },
            { proxy_rules.new { https = "https://p.test" } })
        assert.same({ nil, 'proxy.http: the URL has no port from 1 to 65535: "p.test:0"' },
            { proxy_rules.new { http = "p.test:0" } })
        assert.same({ nil, "proxy.no_proxy has at most 16384 bytes" },
            { proxy_rules.new { no_proxy = ("a"):rep(16385) } })
    end)
end)
