local option_check = require "perigee.core.option_check"

local RULES = {
    size = function(value)
        return type(value) ~= "number" and "a number" or nil
    end,
    name = function()
        return nil
    end,
}

describe("perigee.core.option_check", function()
    it("finds nothing wrong with what the rules allow", function()
        assert.is_nil((option_check.problem({}, RULES)))
        assert.is_nil((option_check.problem({ size = 5, name = false }, RULES)))
    end)

    it("says what is wrong", function()
        assert.equal("options are a table, got nil", option_check.problem(nil, RULES))
        assert.equal("there is no option 'sise'; there are name, size",
            option_check.problem({ sise = 5 }, RULES))
        assert.equal("size must be a number, got 5x", option_check.problem({ size = "5x" }, RULES))
    end)
end)
