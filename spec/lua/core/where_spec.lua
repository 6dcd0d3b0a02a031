local where = require "perigee.core.where"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

local function here(offset)
    return ("%s:%d"):format(HERE, debug.getinfo(2, "l").currentline + (offset or 0))
end

describe("perigee.core.where", function()
    it("says where its caller is", function()
        assert.equal(here(), where())
        assert.equal(here(), where(1))
    end)

    it("says where the caller's caller is", function()
        local function ask()
            return (where(2))
        end
        assert.equal(here(), (ask()))
    end)

    it("knows no line of a C function and none beyond the stack", function()
        local is_fine, place = pcall(function()
            return (where(2))
        end)
        assert.is_true(is_fine)
        assert.is_nil(place)
        assert.is_nil(where(1000))
    end)

    it("says where a function is defined", function()
        local function something()
        end
        assert.equal(here(-2), where.of(something))
    end)

    it("has no place for what Lua code does not define", function()
        assert.equal("?", where.of(print))
        assert.equal("?", where.of(nil))
        assert.equal("?", where.of "x")
    end)

    it("names chunks without a file by their first line", function()
        assert.equal('[string "return function() end"]:1',
            where.of(loadstring("return function() end")()))
    end)

    it("does not shorten long paths", function()
        local path = ("folder/"):rep(20) .. "x.lua"
        assert.equal(path .. ":1", where.of(loadstring("return function() end", "@" .. path)()))
    end)
end)
