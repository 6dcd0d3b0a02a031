local uri = require "perigee.http.uri"

local function parse(text)
    return assert(uri.parse(text))
end

describe("perigee.http.uri", function()
    it("takes URLs apart", function()
        assert.same({ scheme = "http", host = "a.test", path = "/" }, parse "http://a.test")
        assert.same({ scheme = "http", host = "a.test", path = "/", query = "" },
            parse "http://a.test?")
        assert.same({ scheme = "https", host = "a.test", port = 8443, path = "/B/c",
            query = "d=e?f", userinfo = "u:p@w" }, parse "HTTPS://u:p@w@A.Test:8443/B/c?d=e?f#g?h")
        assert.same({ scheme = "http", host = "::1", port = 80 + 1, path = "/" },
            parse "http://[::1]:81")
        assert.same({ scheme = "http+service", host = "users", path = "/42" },
            parse "http+service://users/42")
        assert.same({ scheme = "http", host = "a", path = "/x@y:1" }, parse "http://a/x@y:1")
    end)

    it("leaves out the port of the scheme", function()
        for _, text in ipairs { "http://a:80/", "http://a:/", "http://a/" } do
            assert.is_nil(parse(text).port)
            assert.equal("a:80", uri.address(parse(text)))
            assert.equal("http://a/", uri.text(parse(text)))
        end
        assert.equal("a:443", uri.address(parse "https://a"))
        assert.equal("https://a:80/", uri.text(parse "https://a:80"))
        assert.equal("[::1]:443", uri.address(parse "https://[::1]"))
        assert.equal("[::1]:8", uri.authority(parse "https://[::1]:8"))
    end)

    it("encodes what others leave as it is", function()
        assert.equal("/%C3%A4%22%7B%7D?%3C", uri.target(parse 'http://a/ä"{}?<'))
        assert.equal("/a%2Fb%20c", uri.target(parse "http://a/a%2Fb%20c"))
    end)

    it("says what is wrong", function()
        local wrong = {
            [5] = "a URL is a text such as http://host/path, got number",
            ["/path"] = 'a URL is a text such as http://host/path, got "/path"',
            ["a.test/x"] = 'a URL is a text such as http://host/path, got "a.test/x"',
            ["mailto:a@b"] = 'a URL is a text such as http://host/path, got "mailto:a@b"',
            ["http:///x"] = 'the URL has no host that can be asked: ""',
            ["http://a b/"] = "the URL has a space or control character at byte 9",
            ["http://a/\r\nX: 1"] = "the URL has a space or control character at byte 10",
            ["http://[::1/"] = 'the URL has no host that can be asked: "[::1"',
            ["http://.a/"] = 'the URL has no host that can be asked: ".a"',
            ["http://[.]/"] = 'the URL has no host that can be asked: "[.]"',
            ["http://" .. ("a"):rep(254)] =
                'the URL has no host that can be asked: "' .. ("a"):rep(254) .. '"',
            ["http://a:0/"] = 'the URL has no port from 1 to 65535: "a:0"',
            ["http://a:65536/"] = 'the URL has no port from 1 to 65535: "a:65536"',
            ["http://a:8x/"] = 'the URL has no port from 1 to 65535: "a:8x"',
            ["http://a%2eb/"] = 'the URL has no port from 1 to 65535: "a%2eb"',
            ["http://ä/"] = 'the URL has no host that can be asked: "%C3%A4"',
            [("http://a/"):rep(8000)] = "a URL has at most 65536 bytes",
        }
        for text, problem in pairs(wrong) do
            assert.same({ nil, problem }, { uri.parse(text) })
        end
    end)

    it("finds what a reference stands for", function()
        -- RFC 3986 5.4, but for its path parameters; fragments are dropped.
        local base = parse "http://a/b/c/d?q"
        local expected = {
            ["g"] = "http://a/b/c/g", ["./g"] = "http://a/b/c/g", ["g/"] = "http://a/b/c/g/",
            ["/g"] = "http://a/g", ["//g"] = "http://g/", ["?y"] = "http://a/b/c/d?y",
            ["g?y"] = "http://a/b/c/g?y", ["#s"] = "http://a/b/c/d?q", ["g#s"] = "http://a/b/c/g",
            [""] = "http://a/b/c/d?q", ["."] = "http://a/b/c/", ["./"] = "http://a/b/c/",
            [".."] = "http://a/b/", ["../"] = "http://a/b/", ["../g"] = "http://a/b/g",
            ["../.."] = "http://a/", ["../../"] = "http://a/", ["../../g"] = "http://a/g",
            ["../../../g"] = "http://a/g", ["../../../../g"] = "http://a/g",
            ["/./g"] = "http://a/g", ["/../g"] = "http://a/g", ["g."] = "http://a/b/c/g.",
            [".g"] = "http://a/b/c/.g", ["g.."] = "http://a/b/c/g..", ["..g"] = "http://a/b/c/..g",
            ["./../g"] = "http://a/b/g", ["./g/."] = "http://a/b/c/g/",
            ["g/./h"] = "http://a/b/c/g/h", ["g/../h"] = "http://a/b/c/h",
            ["g?y/./x"] = "http://a/b/c/g?y/./x", ["https://h:1/i"] = "https://h:1/i",
            ["//h//i"] = "http://h//i", ["/x//y"] = "http://a/x//y",
        }
        for reference, text in pairs(expected) do
            assert.equal(text, uri.text(assert(uri.resolve(base, reference))), reference)
        end
    end)

    it("keeps who asks only where that is meant", function()
        local base = parse "http://u:p@a/b"
        assert.equal("u:p", uri.resolve(base, "/c").userinfo)
        assert.is_nil(uri.resolve(base, "//a/c").userinfo)
        assert.equal("http://a/b", uri.text(base))
    end)

    it("refuses references that are none", function()
        local base = parse "http://a/b"
        for _, reference in ipairs { "http://", "//", "mailto:x", "a b", "\r\n" } do
            assert.is_nil((uri.resolve(base, reference)), reference)
        end
    end)
end)
