local trailers = require "perigee.http.trailers"

describe("perigee.http.trailers", function()
    it("reads lines without the white space around values", function()
        assert.same({ "X-A", "1 2", "x-b", "", "X-C", "3" },
            { unpack(trailers.parse("X-A: \t1 2 \t\r\nx-b: \t \r\nX-C:3\r\n")) })
    end)

    it("ignores what settles framing, routing or the meaning of the content", function()
        assert.same({}, { unpack(trailers.parse("Content-Length: 3\r\nHOST: a\r\n"
            .. "transfer-encoding: chunked\r\nAuthorization: x\r\n")) })
    end)

    it("takes time in proportion to the lines", function()
        local started = os.clock()
        trailers.parse("X: x" .. (" "):rep(64 * 1024) .. "x\r\n")
        assert.is_true(os.clock() - started < 0.2)
    end)

    it("composes lines, and says what cannot be one", function()
        assert.equal("X-A: 1\r\n", trailers.compose({ ["X-A"] = 1 }))
        assert.same({ nil, "the field Content-Length cannot be a trailer" },
            { trailers.compose({ ["Content-Length"] = 1 }) })
        assert.same({ nil, "the header X-A has a control character at byte 2" },
            { trailers.compose({ ["X-A"] = "1\r\nX-B: 2" }) })
        assert.same({ nil, "trailers must be a table, not a string" },
            { trailers.compose("X-A: 1") })
    end)
end)
