local revision = require "perigee.registry.revision"

describe("perigee.registry.revision", function()
    it("counts on beyond what numbers can", function()
        for text, wanted in pairs({ ["0"] = "1", ["8"] = "9", ["9"] = "10", ["199"] = "200",
            ["999"] = "1000", ["1939"] = "1940", ["9007199254740993"] = "9007199254740994",
            ["9223372036854775799"] = "9223372036854775800" }) do
            assert.equal(wanted, revision.next(text))
        end
    end)

    it("has an order", function()
        assert.is_true(revision.is_before("9", "10"))
        assert.is_true(revision.is_before("19", "20"))
        assert.is_false(revision.is_before("20", "20"))
        assert.is_false(revision.is_before("100", "99"))
    end)
end)
