local form = require "perigee.http.form"

local URLENCODED = "application/x-www-form-urlencoded"

describe("perigee.http.form", function()
    it("reads a urlencoded form", function()
        assert.same({ values = { a = "1", b = "x y" }, all = { a = { "1", "2" }, b = { "x y" } },
            files = {} }, form.parse(URLENCODED, "a=1&b=x+y&a=2"))
    end)

    it("does not mind parameters and case of the Content-Type", function()
        assert.same({ a = "1" }, form.parse("Application/X-WWW-Form-Urlencoded; charset=UTF-8",
            "a=1").values)
    end)

    it("reads an empty form", function()
        assert.same({ values = {}, all = {}, files = {} }, form.parse(URLENCODED, ""))
    end)

    it("refuses malformed encoding", function()
        assert.same({ nil, "invalid", "the form has a malformed percent-encoding" },
            { form.parse(URLENCODED, "a=%") })
    end)

    it("refuses too many fields", function()
        assert.same({ nil, "too_large", "the form has too many fields" },
            { form.parse(URLENCODED, ("a&"):rep(1001)) })
    end)

    local BODY = '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        .. '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n'
        .. '--B\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n\0\r\n'
        .. '--B\r\nContent-Disposition: form-data; name="g"; filename="y.txt"\r\n'
        .. "Content-Type: text/plain\r\n\r\nhello\r\n"
        .. '--B\r\nContent-Disposition: form-data; name="none"; filename=""\r\n'
        .. "Content-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n"

    it("reads a multipart form with its files, but no file that was not chosen", function()
        local expected = { values = { a = "1" }, all = { a = { "1", "2" } }, files = {
            { name = "f", filename = "x.bin", content_type = "application/octet-stream",
                body = "\0" },
            { name = "g", filename = "y.txt", content_type = "text/plain", body = "hello" },
        } }
        assert.same(expected, form.parse("multipart/form-data; boundary=B", BODY))
        assert.same(expected, form.parse('Multipart/Form-Data; charset=utf-8; BOUNDARY="B"', BODY))
    end)

    it("keeps an empty file that was chosen, and content without a file name", function()
        local function part(filename, body)
            return '--B\r\nContent-Disposition: form-data; name="f"; filename="' .. filename
                .. '"\r\n\r\n' .. body .. "\r\n"
        end
        local body = part("empty.txt", "") .. part("", "x") .. "--B--\r\n"
        local files = form.parse("multipart/form-data; boundary=B", body).files
        assert.equal(2, #files)
        assert.equal("empty.txt", files[1].filename)
        assert.equal("x", files[2].body)
    end)

    it("passes on what is wrong with a multipart body", function()
        assert.same({ nil, "invalid", "the body does not begin with the boundary" },
            { form.parse("multipart/form-data; boundary=C", BODY) })
    end)

    it("refuses multipart without a boundary", function()
        assert.same({ nil, "invalid", "the Content-Type has no boundary" },
            { form.parse("multipart/form-data", BODY) })
    end)

    for _, content_type in ipairs { "application/json", "multipart/mixed; boundary=B", "", ";",
        "multipart/form-data; boundary=B; boundary=C" } do
        it("does not support " .. ("%q"):format(content_type), function()
            assert.same({ nil, "unsupported", "the Content-Type is not that of a form" },
                { form.parse(content_type, "a=1") })
        end)
    end

    it("does not support a missing Content-Type", function()
        assert.same({ nil, "unsupported", "the Content-Type is not that of a form" },
            { form.parse(nil, "a=1") })
    end)
end)
