local headers = require "perigee.http.headers"
local redirects = require "perigee.http.client.redirects"
local uri = require "perigee.http.uri"

local function url(text)
    return assert(uri.parse(text))
end

-- A call to `from` with these fields that is sent to `location`.
local function follow(from, location, fields, more)
    local call = { method = "GET", url = url(from), first_url = url(from),
        headers = headers.new(fields or {}), has_body = false, is_repeatable = true,
        redirect_count = 0, max_redirects = 10, has_referer = false, lost_secrets = false }
    for name, value in pairs(more or {}) do
        call[name] = value
    end
    local result, code, detail = redirects.follow(call,
        { status = 302, headers = headers.new { "Location", location } })
    return call, result, code, detail
end

describe("perigee.http.client.redirects", function()
    it("knows which answers lead elsewhere", function()
        for _, status in ipairs { 301, 302, 303, 307, 308 } do
            assert.is_true(redirects.is_redirect(status))
        end
        for _, status in ipairs { 200, 300, 304, 305, 306, 404 } do
            assert.is_false(redirects.is_redirect(status))
        end
    end)

    it("are the answer without a Location", function()
        local call = { headers = headers.new(), max_redirects = 10 }
        assert.is_false((redirects.follow(call, { status = 302, headers = headers.new() })))
    end)

    describe("tell secrets", function()
        local SECRETS = { "Authorization", "a", "Cookie", "b", "X", "c" }
        local cases = {
            { "http://a.test/", "http://a.test/2", true },
            { "http://a.test/", "http://a.test:8080/2", true },
            { "http://a.test/", "https://a.test/2", true },
            { "http://a.test/", "http://sub.a.test/2", true },
            { "https://a.test/", "http://a.test/2", false },
            { "http://a.test/", "http://b.test/2", false },
            { "http://a.test/", "http://xa.test/2", false },
            { "http://sub.a.test/", "http://a.test/2", false },
            { "http://1.2.3.4/", "http://1.1.2.3.4/2", false },
            { "http://[::1]/", "http://[::2]/2", false },
        }
        for _, case in ipairs(cases) do
            local from, to, may_know = unpack(case)
            it(("%s at %s to %s"):format(may_know and "meant for" or "not meant for", from, to),
                function()
                    local call, is_followed = follow(from, to, { unpack(SECRETS) })
                    assert.is_true(is_followed)
                    assert.equal(may_know and "a" or nil, call.headers:get("authorization"))
                    assert.equal(may_know and "b" or nil, call.headers:get("cookie"))
                    assert.equal("c", call.headers:get("x"))
                end)
        end

        it("never again once they were left out", function()
            local call = follow("http://u:p@a.test/", "http://u:p@b.test/", { unpack(SECRETS) })
            assert.is_nil(call.url.userinfo)
            call.headers:set("Authorization", "of the redirect's own")
            assert.is_true((redirects.follow(call, { status = 302,
                headers = headers.new { "Location", "http://a.test/3" } })))
            assert.is_nil((call.headers:get("authorization")))
        end)
    end)

    it("say where they come from, without credentials and not in clear behind TLS", function()
        local expected = {
            { "http://u:p@a.test/x?y", "/z", "http://a.test/x?y" },
            { "http://a.test/x", "https://b.test/", "http://a.test/x" },
            { "https://a.test/x", "https://b.test/", "https://a.test/x" },
            { "https://a.test/x", "http://b.test/" },
        }
        for _, case in ipairs(expected) do
            local call = follow(case[1], case[2])
            assert.equal(case[3], call.headers:get("referer"))
        end
        local call = follow("http://a.test/", "/z", { "Referer", "own" }, { has_referer = true })
        assert.equal("own", call.headers:get("referer"))
    end)

    it("keep a Host of the caller's for the same place alone", function()
        assert.equal("v", (follow("http://a.test/", "/2", { "Host", "v" })).headers:get("host"))
        assert.is_nil((follow("http://a.test/", "http://b.test/", { "Host", "v" }).headers
            :get("host")))
        local call = follow("http://a.test/", "http://a.test:81/", { "Host", "v", "Referer", "r" },
            { has_referer = true })
        assert.is_nil((call.headers:get("host")))
    end)

    it("take away what is said of a body that is not sent again", function()
        local call = follow("http://a.test/", "/2", { "Content-Type", "a", "Content-Encoding", "b",
            "X", "c" }, { method = "POST", has_body = true })
        assert.same({ "X", "c" }, { call.headers[1], call.headers[2] })
        assert.same({ "GET", false }, { call.method, call.has_body })
    end)

    it("lead nowhere by other schemes or broken places", function()
        for _, location in ipairs { "file:///x", "ftp://a.test/", "http://", "//", "a b" } do
            local _, result, code = follow("http://a.test/", location)
            assert.same({ nil, "invalid" }, { result, code }, location)
        end
    end)

    it("stay with a service that was asked for", function()
        local call, is_followed = follow("http+service://users/1", "/2")
        assert.same({ true, "http+service://users/2" }, { is_followed, uri.text(call.url) })
        assert.is_nil((call.headers:get("referer")))
        local _, result, code = follow("http+service://users/1", "http+service://admin/2")
        assert.same({ nil, "invalid" }, { result, code })
    end)
end)
