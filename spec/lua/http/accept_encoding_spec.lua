local accept_encoding = require "perigee.http.accept_encoding"

-- The field, and what is chosen of br and gzip.
local CASES = {
    { nil, "identity" },
    { "", "identity" },
    { "gzip", "gzip" },
    { "GZip", "gzip" },
    { "x-gzip", "gzip" },
    { "br", "br" },
    { "gzip, br", "br" },
    { "gzip, deflate, br, zstd", "br" },
    { "gzip;q=1.0, br;q=0.9", "gzip" },
    { "gzip;q=0.001", "gzip" },
    { "gzip ; q=0.5 , br\t;\tQ=0.6", "br" },
    { "gzip;q=0", "identity" },
    { "gzip;q=0.000, br;q=0", "identity" },
    { "*", "br" },
    { "*;q=0.5, gzip", "gzip" },
    { "br;q=0, *", "gzip" },
    { "identity", "identity" },
    { "identity;q=1, gzip;q=0.5", "identity" },
    { "identity;q=0.5, gzip;q=0.5", "gzip" },
    { "identity;q=0.2, gzip;q=0.5", "gzip" },
    { "identity;q=0, gzip", "gzip" },
    { "deflate", "identity" },
    { "identity;q=0", nil },
    { "*;q=0", nil },
    { "*;q=0, identity", "identity" },
    { "gzip;q=0, *;q=0", nil },
    -- what is malformed is as if it were not there
    { "gzip;q=2", "identity" },
    { "gzip;q=-1", "identity" },
    { "gzip;q=0.1234", "identity" },
    { "gzip;q=1.001", "gzip" },
    { "gzip;q=", "identity" },
    { "gzip;q=.5", "identity" },
    { "gzip;level=9", "identity" },
    { "gz ip", "identity" },
    { ";q=1", "identity" },
    { ",,gzip,,", "gzip" },
}

describe("perigee.http.accept_encoding", function()
    for _, case in ipairs(CASES) do
        it(("chooses %s for %q"):format(tostring(case[2]), tostring(case[1])), function()
            assert.equal(case[2], accept_encoding.choose(case[1], { "br", "gzip" }))
        end)
    end

    it("takes a time that grows with the text", function()
        local began = os.clock()
        for _, text in ipairs({ (" "):rep(200000) .. "x y", "gzip" .. (" "):rep(200000) .. "x",
            ("x"):rep(200000), ("gzip;q=0,"):rep(20000), "gzip;q=" .. ("1"):rep(200000) }) do
            assert.equal("identity", accept_encoding.choose(text, { "br", "gzip" }))
        end
        assert.is_true(os.clock() - began < 1)
    end)
end)
