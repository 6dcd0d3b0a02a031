local cookie_jar = require "perigee.http.client.cookie_jar"
local headers = require "perigee.http.headers"
local uri = require "perigee.http.uri"

local function url(text)
    return assert(uri.parse(text))
end

describe("perigee.http.client.cookie_jar", function()
    local jar, time

    before_each(function()
        time = 1000
        jar = cookie_jar.new(function()
            return time
        end)
    end)

    local function keep(from, ...)
        local fields = headers.new()
        for _, text in ipairs { ... } do
            fields:add("Set-Cookie", text)
        end
        jar:keep(url(from), fields)
    end

    local function find(text)
        return jar:find(url(text))
    end

    it("gives a host what it has set, and nobody else", function()
        keep("http://a.test/", "x=1", "y=2; Domain=test")
        assert.equal("x=1; y=2", find "http://a.test/b")
        for _, other in ipairs { "http://b.test/", "http://sub.a.test/", "http://test/" } do
            assert.is_nil((find(other)))
        end
    end)

    it("replaces one of the same name and path", function()
        keep("http://a.test/", "x=1")
        keep("http://a.test/", "x=2", "x=3; Path=/b")
        assert.equal("x=2", find "http://a.test/")
        assert.equal("x=3; x=2", find "http://a.test/b")
        assert.equal("x=3; x=2", find "http://a.test/b/c")
        assert.equal("x=2", find "http://a.test/bc")
    end)

    it("keeps them for the folder of the path that has set them", function()
        keep("http://a.test/b/c", "x=1", "y=2; Path=relative")
        assert.equal("x=1; y=2", find "http://a.test/b/d")
        assert.is_nil((find "http://a.test/"))
    end)

    it("forgets them in time", function()
        keep("http://a.test/", "x=1; Max-Age=5", "y=2; Expires=Thu, 01 Jan 1970 00:20:00 GMT",
            "z=3; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        assert.equal("x=1; y=2; z=3", find "http://a.test/")
        time = 1005
        assert.equal("y=2", find "http://a.test/")
        time = 1200
        assert.is_nil((find "http://a.test/"))
        keep("http://a.test/", "x=1")
        keep("http://a.test/", "x=; Max-Age=0")
        assert.is_nil((find "http://a.test/"))
    end)

    it("keeps secrets for TLS", function()
        keep("http://a.test/", "x=1; Secure")
        assert.is_nil((find "https://a.test/"))
        keep("https://a.test/", "x=1; Secure; HttpOnly")
        assert.equal("x=1", find "https://a.test/")
        assert.is_nil((find "http://a.test/"))
    end)

    it("has no more than its number, and makes room for new ones by old ones", function()
        for i = 1, 60 do
            keep("http://a.test/", ("x%d=1; Max-Age=10"):format(i))
        end
        assert.equal(50, select(2, find("http://a.test/"):gsub("=", "")))
        for i = 1, 400 do
            keep(("http://h%d.test/"):format(i), "x=1")
        end
        assert.equal(300, jar.count)
        time = time + 10
        keep("http://new.test/", "x=1")
        assert.equal("x=1", find "http://new.test/")
        assert.equal(251, jar.count)
    end)

    it("passes over what is no cookie", function()
        keep("http://a.test/", "", "=1", "x", "a b=1", ("x=%s"):format(("1"):rep(4096)))
        assert.is_nil((find "http://a.test/"))
    end)
end)
