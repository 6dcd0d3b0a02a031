local url = require "perigee.http.url"

describe("perigee.http.url", function()
    describe("decode", function()
        it("leaves text without a percent sign alone", function()
            assert.equal("a+b c", url.decode "a+b c")
            assert.equal("", url.decode "")
        end)

        it("decodes upper and lower case digits", function()
            assert.equal("/?\255ö", url.decode "%2f%3F%Ff%C3%b6")
        end)

        it("decodes once only", function()
            assert.equal("%41", url.decode "%2541")
        end)

        it("decodes NUL and other controls as data", function()
            assert.equal("a\0b\n", url.decode "a%00b%0A")
        end)

        local malformed = { "%", "%4", "a%", "a%4", "%zz", "%4z", "%z4", "%%41", "%41%", "%-1",
            "% 1" }
        for _, text in ipairs(malformed) do
            it("refuses " .. text, function()
                local value, code = url.decode(text)
                assert.is_nil(value)
                assert.equal("invalid", code)
            end)
        end
    end)

    it("reads a plus as a space in forms only", function()
        assert.equal("a b+c", url.decode_form "a+b%2Bc")
        assert.equal("a+b", url.decode "a+b")
        assert.is_nil(url.decode_form "a+%")
    end)

    describe("encode", function()
        it("keeps letters, digits and -._~ only", function()
            assert.equal("aZ09-._~%20%2F%3F%25%2B%3D%26", url.encode "aZ09-._~ /?%+=&")
        end)

        it("encodes every byte so that decode gives it back", function()
            local bytes = {}
            for code = 0, 255 do
                bytes[#bytes + 1] = string.char(code)
            end
            local text = table.concat(bytes)
            assert.equal(text, url.decode(url.encode(text)))
        end)
    end)

    describe("split_path", function()
        it("splits at slashes, an empty segment at the end included", function()
            assert.same({ "" }, url.split_path "/")
            assert.same({ "a" }, url.split_path "/a")
            assert.same({ "a", "" }, url.split_path "/a/")
            assert.same({ "", "a", "", "b" }, url.split_path "//a//b")
        end)

        it("keeps an encoded slash inside its segment", function()
            assert.same({ "a/b", "c d" }, url.split_path "/a%2Fb/c%20d")
        end)

        it("does not read a plus as a space", function()
            assert.same({ "a+b" }, url.split_path "/a+b")
        end)

        it("leaves dot segments as they are", function()
            assert.same({ "..", ".", "a" }, url.split_path "/.././a")
        end)

        for _, path in ipairs { "", "*", "a/b", "/a/%", "/%zz/a", "/a%2" } do
            it("refuses " .. ("%q"):format(path), function()
                local segments, code = url.split_path(path)
                assert.is_nil(segments)
                assert.equal("invalid", code)
            end)
        end
    end)

    describe("parse_query", function()
        it("keeps order and repetition", function()
            assert.same({ "a", "1", "b", "2", "a", "3" }, url.parse_query "a=1&b=2&a=3")
        end)

        it("gives names without a value the empty one", function()
            assert.same({ "a", "", "b", "" }, url.parse_query "a&b=")
        end)

        it("accepts an empty name", function()
            assert.same({ "", "1" }, url.parse_query "=1")
        end)

        it("splits at the first equals sign", function()
            assert.same({ "a", "b=c=" }, url.parse_query "a=b=c=")
        end)

        it("skips empty pieces", function()
            assert.same({ "a", "1", "b", "2" }, url.parse_query "&a=1&&b=2&")
            assert.same({}, url.parse_query "")
            assert.same({}, url.parse_query "&&&")
        end)

        it("does not split at a semicolon", function()
            assert.same({ "a", "1;b=2" }, url.parse_query "a=1;b=2")
        end)

        it("decodes names and values after splitting", function()
            assert.same({ "a&b", "c=d e" }, url.parse_query "a%26b=c%3Dd+e")
            assert.same({ "ключ", "☃" }, url.parse_query "%D0%BA%D0%BB%D1%8E%D1%87=%E2%98%83")
        end)

        it("refuses malformed encoding in a name or a value", function()
            assert.same({ nil, "invalid" }, { url.parse_query "a=%" })
            assert.same({ nil, "invalid" }, { url.parse_query "%x=1" })
        end)

        it("takes as many pairs as allowed and refuses one more", function()
            assert.same({ "a", "", "b", "" }, url.parse_query("a&b", 2))
            assert.same({ nil, "too_large" }, { url.parse_query("a&b&c", 2) })
            assert.equal(2000, #url.parse_query(("a=1&"):rep(1000)))
            assert.same({ nil, "too_large" }, { url.parse_query(("a=1&"):rep(1001)) })
        end)
    end)

    it("takes the first value of each name", function()
        assert.same({ a = "1", b = "2" }, url.first_values { "a", "1", "b", "2", "a", "3" })
        assert.same({ a = "1", b = "2", c = "" }, url.parse_first_values "a=1&b=2&a=3&c")
        assert.same({ nil, "invalid" }, { url.parse_first_values "a=1&a=%" })
        assert.same({ nil, "too_large" }, { url.parse_first_values("a&a&a", 2) })
    end)

    it("collects all values of each name", function()
        assert.same({ a = { "1", "3" }, b = { "2" } },
            url.all_values { "a", "1", "b", "2", "a", "3" })
    end)

    describe("encode_query", function()
        it("sorts names, repeats arrays and encodes both sides", function()
            assert.equal("a=1&a=2&b%20c=%26&d=true",
                url.encode_query { ["b c"] = "&", a = { 1, "2" }, d = true })
        end)

        it("prints large integers in full", function()
            assert.equal("n=100000000000000&x=0.5", url.encode_query { n = 1e14, x = 0.5 })
        end)

        it("is what parse_query reads", function()
            local query = url.encode_query { ["ü="] = "a+b c%&", list = { "", "x" } }
            assert.same({ ["ü="] = { "a+b c%&" }, list = { "", "x" } },
                url.all_values(url.parse_query(query)))
        end)
    end)
end)
