local trace_headers = require "perigee.core.trace_headers"

describe("trace headers", function()
    local ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    local function parse(version, id, span, flags, rest)
        return trace_headers.parse(("%s-%s-%s-%s%s"):format(version or "00", id or ID,
            span or SPAN, flags or "01", rest or ""))
    end

    it("are read", function()
        assert.same({ ID, SPAN, true }, { parse() })
        assert.same({ ID, SPAN, false }, { parse("00", ID, SPAN, "00") })
        assert.same({ ID, SPAN, true }, { parse("00", ID, SPAN, "ff") })
        assert.same({ ID, SPAN, false }, { parse("00", ID, SPAN, "fe") })
    end)

    it("of later versions are read as far as they are known", function()
        assert.same({ ID, SPAN, true }, { parse("01") })
        assert.same({ ID, SPAN, true }, { parse("cc", ID, SPAN, "01", "-what-comes") })
        assert.is_nil(parse("cc", ID, SPAN, "01", "what-comes"))
        assert.is_nil(parse("ff"))
    end)

    it("that are malformed are none", function()
        assert.is_nil(trace_headers.parse(nil))
        assert.is_nil(trace_headers.parse(""))
        assert.is_nil(parse("00", ("0"):rep(32)))
        assert.is_nil(parse("00", ID, ("0"):rep(16)))
        assert.is_nil(parse("00", ID:upper()))
        assert.is_nil(parse("00", ID, SPAN:upper()))
        assert.is_nil(parse("00", ID .. "0"))
        assert.is_nil(parse("00", ID, SPAN, "0g"))
        assert.is_nil(parse("00", ID, SPAN, "01", "-x"))
        assert.is_nil(parse("00", ID, SPAN, "01", ", 00-" .. ID .. "-" .. SPAN .. "-01"))
    end)

    it("are written as they are read", function()
        for _, is_sampled in ipairs({ true, false }) do
            assert.same({ ID, SPAN, is_sampled },
                { trace_headers.parse(trace_headers.format(ID, SPAN, is_sampled)) })
        end
    end)

    describe("of vendors", function()
        it("are passed on", function()
            assert.equal("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                trace_headers.pass_on("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE ,"))
            assert.equal("a@b=1", trace_headers.pass_on("a@b=1"))
            assert.is_nil(trace_headers.pass_on(nil))
            assert.is_nil(trace_headers.pass_on(" , "))
        end)

        it("are none when one is malformed", function()
            assert.is_nil(trace_headers.pass_on("good=1,BAD=2"))
            assert.is_nil(trace_headers.pass_on("no value"))
            assert.is_nil(trace_headers.pass_on("a=1\0"))
        end)

        it("lose large members first, and then those behind", function()
            local large = "large=" .. ("x"):rep(200)
            local list = { large }
            for i = 1, 40 do
                list[#list + 1] = "m" .. i .. "=" .. ("y"):rep(20)
            end
            local kept = trace_headers.pass_on(table.concat(list, ","))
            assert.is_true(#kept <= 512)
            assert.matches("^m1=y+,m2=", kept)
            assert.is_nil(kept:find("large", 1, true))
            assert.equal("small=1," .. large, trace_headers.pass_on("small=1," .. large))
        end)
    end)
end)
