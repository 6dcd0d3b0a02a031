local lazy = require "perigee.core.lazy"
local modules = require "perigee.core.modules"

describe("a lazy module", function()
    local NAME = "perigee.core.table_text"

    it("is loaded when it is first used", function()
        modules[NAME] = nil
        local stand_in = lazy(NAME)
        assert.is_nil(modules[NAME])
        local key, value = next(require(NAME))
        modules[NAME] = nil
        assert.is_function(stand_in[key])
        assert.is_table(modules[NAME])
        assert.not_equal(value, stand_in[key])
    end)

    it("looks each function up once", function()
        local stand_in = lazy(NAME)
        local key = next(require(NAME))
        local before = stand_in[key]
        modules[NAME] = nil
        assert.equal(before, stand_in[key])
    end)

    it("shows a script neither its name nor what it shares with the others", function()
        local stand_in = lazy(NAME)
        assert.is_nil(next(stand_in))
        assert.is_false(getmetatable(stand_in))
        assert.error(function() setmetatable(stand_in, {}) end)
    end)
end)
