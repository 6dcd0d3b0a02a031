local date = require "perigee.http.date"

local NOW = 1795600000 -- in 2026

describe("perigee.http.date", function()
    it("formats", function()
        assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", date.format(784111777))
        assert.equal("Thu, 01 Jan 1970 00:00:00 GMT", date.format(0))
    end)

    it("reads all three forms", function()
        for text, seconds in pairs({
            ["Sun, 06 Nov 1994 08:49:37 GMT"] = 784111777,
            ["Sunday, 06-Nov-94 08:49:37 GMT"] = 784111777,
            ["Sun Nov  6 08:49:37 1994"] = 784111777,
            ["Thu, 29 Feb 2024 23:59:60 GMT"] = 1709251200,
            ["Thursday, 01-Jan-70 00:00:00 GMT"] = 3155760000,
            ["Saturday, 01-Jan-77 00:00:00 GMT"] = 220924800,
        }) do
            assert.equal(seconds, date.parse(text, NOW), text)
        end
    end)

    it("reads what it formats", function()
        for seconds = 0, 2 ^ 32, 12345678 do
            assert.equal(seconds, date.parse(date.format(seconds)))
        end
    end)

    it("refuses anything else", function()
        for _, text in ipairs({ "", "yesterday", "Sun, 06 Nov 1994 08:49:37", "784111777",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT" }) do
            assert.is_nil(date.parse(text, NOW), text)
        end
    end)
end)
