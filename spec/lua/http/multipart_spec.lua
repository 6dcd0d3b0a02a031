local multipart = require "perigee.http.multipart"

local NAMED = 'Content-Disposition: form-data; name="a"\r\n'

local function part(head, body)
    return "--B\r\n" .. head .. "\r\n" .. body .. "\r\n"
end

local function failure_of(body, boundary)
    local parts, code, detail = multipart.parse(body, boundary or "B")
    assert.is_nil(parts)
    return code, detail
end

describe("perigee.http.multipart", function()
    it("reads fields and files", function()
        local body = part('Content-Disposition: form-data; name="title"\r\n', "Moon")
            .. part('content-disposition: form-data; name="file"; filename="a.png"\r\n'
                .. "Content-Type: image/png\r\n", "\137PNG\r\n\0--B")
            .. "--B--\r\n"
        assert.same({
            { name = "title", body = "Moon" },
            { name = "file", filename = "a.png", content_type = "image/png",
                body = "\137PNG\r\n\0--B" },
        }, multipart.parse(body, "B"))
    end)

    it("does without the last line end", function()
        assert.equal(1, #multipart.parse(part(NAMED, "x") .. "--B--", "B"))
    end)

    it("reads a body without parts", function()
        assert.same({}, multipart.parse("--B--\r\n", "B"))
    end)

    it("reads empty parts and empty lines", function()
        assert.equal("", multipart.parse(part(NAMED, "") .. "--B--", "B")[1].body)
        assert.equal("\r\n\r\n", multipart.parse(part(NAMED, "\r\n\r\n") .. "--B--", "B")[1].body)
    end)

    it("keeps repeated names in order", function()
        local parts = multipart.parse(part(NAMED, "1") .. part(NAMED, "2") .. "--B--", "B")
        assert.equal("1", parts[1].body)
        assert.equal("2", parts[2].body)
    end)

    it("does not read a boundary in the middle of a line", function()
        assert.equal("x--B--\r\n-B",
            multipart.parse(part(NAMED, "x--B--\r\n-B") .. "--B--", "B")[1].body)
    end)

    local invalid = {
        { "an empty body", "", "the body does not begin with the boundary" },
        { "a preamble", "hello\r\n" .. part(NAMED, "x") .. "--B--",
            "the body does not begin with the boundary" },
        { "another boundary", part(NAMED, "x"):gsub("B", "C"),
            "the body does not begin with the boundary" },
        { "a boundary alone", "--B", "a boundary line has something behind it" },
        { "a body that ends in a boundary line", "--B\r\n", "a part's head does not end" },
        { "padding behind a boundary", "--B \r\n" .. NAMED .. "\r\nx\r\n--B--",
            "a boundary line has something behind it" },
        { "a line that only begins with the boundary", part(NAMED, "x\r\n--BC") .. "--B--",
            "a boundary line has something behind it" },
        { "bare line feeds", "--B\n" .. NAMED .. "\nx\n--B--",
            "a boundary line has something behind it" },
        { "an epilogue", part(NAMED, "x") .. "--B--\r\nbye",
            "a boundary line has something behind it" },
        { "a missing last boundary", part(NAMED, "x"),
            "the last part does not end with the boundary" },
        { "a head without end", "--B\r\n" .. NAMED .. "x", "a part's head does not end" },
        { "a part without a head", "--B\r\n\r\nx\r\n--B--",
            "a part has no Content-Disposition: form-data with a name" },
        { "a part without a name", part("Content-Disposition: form-data\r\n", "x") .. "--B--",
            "a part has no Content-Disposition: form-data with a name" },
        { "an attachment", part('Content-Disposition: attachment; name="a"\r\n', "x") .. "--B--",
            "a part has no Content-Disposition: form-data with a name" },
        { "a name given twice", part('Content-Disposition: form-data; name="a"; name="b"\r\n', "x")
            .. "--B--", "a part has no Content-Disposition: form-data with a name" },
        { "a header twice", part(NAMED .. NAMED, "x") .. "--B--",
            "a part has the header content-disposition twice" },
        { "a header without a colon", part(NAMED .. "nonsense\r\n", "x") .. "--B--",
            "a part has a malformed header line" },
        { "a folded header", part(NAMED .. " X: y\r\n", "x") .. "--B--",
            "a part has a malformed header line" },
        { "a control character in a header", part(NAMED .. "X: a\0b\r\n", "x") .. "--B--",
            "a part has a malformed header line" },
        { "a bare line feed in a header", part(NAMED .. "X: a\nY: b\r\n", "x") .. "--B--",
            "a part has a malformed header line" },
    }
    for _, case in ipairs(invalid) do
        it("refuses " .. case[1], function()
            local code, detail = failure_of(case[2])
            assert.equal("invalid", code)
            assert.equal(case[3], detail)
        end)
    end

    it("refuses malformed boundaries", function()
        for _, boundary in ipairs { "", " ", "B ", "a\r\nb", "ä", '"', ("x"):rep(71) } do
            local code, detail = failure_of("--" .. boundary .. "--", boundary)
            assert.equal("invalid", code)
            assert.equal("the boundary is malformed", detail)
        end
        assert.same({}, multipart.parse("--" .. ("x"):rep(70) .. "--", ("x"):rep(70)))
        assert.same({}, multipart.parse("--a b'()+_,-./:=?--", "a b'()+_,-./:=?"))
    end)

    it("takes 1000 parts and refuses one more", function()
        assert.equal(1000, #multipart.parse(part(NAMED, "x"):rep(1000) .. "--B--", "B"))
        local code, detail = failure_of(part(NAMED, "x"):rep(1001) .. "--B--")
        assert.equal("too_large", code)
        assert.equal("there are more than 1000 parts", detail)
    end)

    it("refuses a large head of a part", function()
        local function body_with_head_of(size)
            local head = NAMED .. "X: "
            return part(head .. ("x"):rep(size - #head) .. "\r\n", "") .. "--B--"
        end
        assert.is_table(multipart.parse(body_with_head_of(4094), "B"))
        local code, detail = failure_of(body_with_head_of(4095))
        assert.equal("too_large", code)
        assert.equal("a part's head exceeds 4096 bytes", detail)
    end)

    it("takes time in proportion to the body", function()
        local padded = NAMED .. "X: x" .. (" "):rep(4000) .. "x\r\n"
        local started = os.clock()
        assert.equal(250, #multipart.parse(part(padded, ""):rep(250) .. "--B--", "B"))
        assert.is_true(os.clock() - started < 0.5)
    end)

    it("never fails otherwise, whatever byte is cut off or changed", function()
        local body = part(NAMED, "x") .. part(NAMED, "y") .. "--B--\r\n"
        for i = 1, #body do
            local cut, code = multipart.parse(body:sub(1, i - 1), "B")
            assert.is_true(cut ~= nil or code == "invalid")
            local changed
            changed, code = multipart.parse(body:sub(1, i - 1) .. "\0" .. body:sub(i + 1), "B")
            assert.is_true(changed ~= nil or code == "invalid")
        end
    end)
end)
