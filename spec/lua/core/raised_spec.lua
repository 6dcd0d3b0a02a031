local raised = require "perigee.core.raised"

local function fail_with(value)
    error(value, 0)
end

local function catch(value, is_meant)
    local _, caught = xpcall(function()
        fail_with(value)
    end, raised.catcher(is_meant))
    return caught
end

describe("what was raised", function()
    it("is told with the place where it was", function()
        local message, traceback = raised.describe(catch("no such luck"))
        assert.equal("no such luck", message)
        assert.matches("^stack traceback:\n.*raised_spec%.lua:4: in function 'fail_with'",
            traceback)
    end)

    it("is told without the frames of whoever called", function()
        local own = debug.getinfo(1, "S").short_src
        local _, traceback = raised.describe(catch("no such luck"), own)
        assert.not_matches("raised_spec", traceback)
        assert.not_matches("busted", traceback)
    end)

    it("is told in full where the caller's file is not in it", function()
        local _, traceback = raised.describe(catch("no such luck"), "elsewhere.lua")
        assert.matches("raised_spec", traceback)
    end)

    it("passes when it was meant for who asked", function()
        local answer = { status = 404 }
        assert.equal(answer, catch(answer, function(value)
            return type(value) == "table" and value.status ~= nil
        end))
        assert.equal("other", (raised.describe(catch("other", function()
            return false
        end))))
    end)

    it("may be no text, nil, or what cannot be shown", function()
        assert.matches("^table: ", (raised.describe(catch({}))))
        assert.equal("nil", (raised.describe(catch(nil))))
        assert.equal("an error that cannot be shown",
            (raised.describe(catch(setmetatable({}, { __tostring = error })))))
    end)

    it("may be a text that no catcher has seen", function()
        assert.same({ "not enough memory" }, { raised.describe("not enough memory") })
    end)
end)
