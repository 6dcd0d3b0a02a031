local timeout_text = require "perigee.resilience.timeout_text"

describe("a timeout as text", function()
    it("has eight digits at most, and says no more than there is", function()
        local wanted = { [0] = "0u", [-1] = "0u", [1e-9] = "1u", [0.0015] = "1500u",
            [1.5] = "1500000u", [99.5] = "99500000u", [100] = "100000m", [86400] = "86400000m",
            [200000] = "200000S", [1e9] = "16666666M", [1e10] = "2777777H",
            [math.huge] = "99999999H" }
        for seconds, text in pairs(wanted) do
            assert.equal(text, timeout_text.format(seconds))
        end
    end)

    it("is read as it was meant", function()
        for _, seconds in ipairs { 0.001, 0.25, 1, 7.5, 3600, 1e6 } do
            local got = timeout_text.parse(timeout_text.format(seconds))
            assert.is_true(got <= seconds and got > 0.99 * seconds)
        end
        assert.equal(7200, timeout_text.parse("2H"))
        assert.equal(120, timeout_text.parse("2M"))
    end)

    it("is nothing when it is malformed", function()
        for _, text in ipairs { "", "5", "m", "-5m", "5.5S", "100000000S", "5s", "5mm", " 5m" } do
            assert.is_nil(timeout_text.parse(text), text)
        end
    end)
end)
