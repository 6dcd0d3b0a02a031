local cookies = require "perigee.http.cookies"

local function problem_of(name, value, options)
    local text, code, detail = cookies.compose(name, value, options)
    assert.is_nil(text)
    assert.equal("invalid", code)
    return detail
end

describe("perigee.http.cookies", function()
    describe("parse", function()
        it("reads names and values", function()
            assert.same({ a = "1", b = "2" }, cookies.parse "a=1; b=2")
        end)

        it("does without the space and trims what is around", function()
            assert.same({ a = "1", b = "2", c = "x y" }, cookies.parse "a=1;b = 2 ;\tc=x y ")
        end)

        it("takes quotes off a value", function()
            assert.same({ a = "x", b = '"', c = "" }, cookies.parse 'a="x"; b="; c=""')
        end)

        it("keeps everything behind the first equals sign", function()
            assert.same({ a = "b=c==" }, cookies.parse "a=b=c==")
        end)

        it("takes the first of equal names", function()
            assert.same({ a = "1" }, cookies.parse "a=1; a=2")
        end)

        it("tells names of different case apart", function()
            assert.same({ a = "1", A = "2" }, cookies.parse "a=1; A=2")
        end)

        it("does not decode", function()
            assert.same({ a = "%20+" }, cookies.parse "a=%20+")
        end)

        it("takes an empty value", function()
            assert.same({ a = "" }, cookies.parse "a=")
        end)

        it("takes time in proportion to the field", function()
            local started = os.clock()
            cookies.parse("a=x" .. (" "):rep(32 * 1024) .. "x")
            assert.is_true(os.clock() - started < 0.2)
        end)

        it("skips what is no cookie", function()
            assert.same({ b = "2" }, cookies.parse "a; =1; (x)=1; ; b=2;;")
            assert.same({}, cookies.parse "")
        end)
    end)

    describe("compose", function()
        it("is safe by default", function()
            assert.equal("a=1; Path=/; HttpOnly; SameSite=Lax", cookies.compose("a", "1"))
        end)

        it("writes every option", function()
            assert.equal("a=1; Path=/x; Domain=example.org; Max-Age=60; "
                .. "Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; SameSite=None",
                cookies.compose("a", "1", { path = "/x", domain = "example.org", max_age = 60,
                    expires = 784111777, secure = true, http_only = false, same_site = "None" }))
        end)

        it("can delete a cookie", function()
            assert.equal("a=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
                cookies.compose("a", "", { max_age = 0 }))
        end)

        it("writes dates from 1970 to 9999", function()
            assert.matches("Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                cookies.compose("a", "1", { expires = 0 }))
            assert.matches("Expires=Fri, 31 Dec 9999 23:59:59 GMT",
                cookies.compose("a", "1", { expires = 253402300799 }))
        end)

        for _, name in ipairs { "", "a b", "a=b", "a;b", "a\r\n", "ä" } do
            it("refuses the name " .. ("%q"):format(name), function()
                assert.matches("^a cookie name must be a token, not ", problem_of(name, "1"))
            end)
        end

        it("shows no control character of a name", function()
            assert.equal('a cookie name must be a token, not "a??b"', problem_of("a\r\nb", "1"))
        end)

        for _, value in ipairs { "a b", "a;b", "a,b", 'a"b', "a\\b", "a\r\nb", "a\0", "ä" } do
            it("refuses the value " .. ("%q"):format(value), function()
                assert.equal("the cookie a has a character that cookies cannot hold; "
                    .. "see url.encode", problem_of("a", value))
            end)
        end

        it("refuses values that are no strings", function()
            assert.equal("the cookie a must be a string, not nil", problem_of("a", nil))
            assert.equal("the cookie a must be a string, not number", problem_of("a", 1))
        end)

        it("refuses unknown options, which are often misspelt safe ones", function()
            assert.equal("httponly is not a cookie option (path, domain, max_age, expires, secure, "
                .. "http_only, same_site)", problem_of("a", "1", { httponly = true }))
        end)

        it("refuses options that are no table", function()
            assert.equal("the options of the cookie a must be a table", problem_of("a", "1", 60))
        end)

        local bad_options = {
            { "path", "x" }, { "path", "/a;b" }, { "path", "/\r\n" }, { "path", 1 },
            { "domain", "" }, { "domain", "a b" }, { "domain", "a;b" }, { "domain", "a\n" },
            { "max_age", "60" }, { "max_age", 1.5 }, { "max_age", 0 / 0 }, { "max_age", 1 / 0 },
            { "expires", "tomorrow" }, { "expires", -1 }, { "expires", 253402300800 },
            { "secure", "yes" }, { "http_only", 1 },
            { "same_site", "lax" }, { "same_site", true },
        }
        for _, case in ipairs(bad_options) do
            it(("refuses %s = %q"):format(case[1], tostring(case[2])), function()
                assert.matches("^" .. case[1] .. " of the cookie a must ",
                    problem_of("a", "1", { [case[1]] = case[2] }))
            end)
        end

        it("refuses what browsers drop in silence", function()
            assert.equal('the cookie a needs secure = true for same_site = "None"',
                problem_of("a", "1", { same_site = "None" }))
            assert.equal("the cookie __Secure-a needs secure = true for its prefix __Secure-",
                problem_of("__Secure-a", "1"))
            assert.equal("the cookie __Host-a needs secure = true for its prefix __Host-",
                problem_of("__Host-a", "1"))
            assert.equal('the cookie __Host-a must have the path "/" and no domain',
                problem_of("__Host-a", "1", { secure = true, path = "/x" }))
            assert.equal('the cookie __Host-a must have the path "/" and no domain',
                problem_of("__Host-a", "1", { secure = true, domain = "example.org" }))
            assert.equal("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
                cookies.compose("__Host-a", "1", { secure = true }))
        end)
    end)
end)
