--- table.sort of scripts puts every list into the order that Lua's own puts it into, and asks the
-- comparator the same questions.
local perigee = require "perigee"
local sort = require "perigee.service.sort"

local function random_list(size, range)
    local list = {}
    for i = 1, size do
        list[i] = math.random(range)
    end
    return list
end

local function copy(list)
    local copied = {}
    for i = 1, #list do
        copied[i] = list[i]
    end
    return copied
end

-- Sorts with `fn` and returns what it asked, what it raised, and the list.
local function record(fn, list, is_less)
    local asked = {}
    local is_ok, message = pcall(fn, list, function(a, b)
        asked[#asked + 1] = tostring(a) .. "<" .. tostring(b)
        return is_less(a, b)
    end)
    return { asked = table.concat(asked, " "), is_ok = is_ok, list = list,
        message = message and message:gsub("^[^:]*:%d+: ", "") }
end

describe("table.sort of scripts", function()
    local comparators = {
        less = function(a, b) return a < b end,
        greater = function(a, b) return a > b end,
        last_digit = function(a, b) return a % 10 < b % 10 end,
        less_or_equal = function(a, b) return a <= b end,
        always = function() return true end,
        never = function() return false end,
    }

    for name, is_less in pairs(comparators) do
        it("does as Lua's own with the comparator " .. name, function()
            math.randomseed(7)
            for size = 0, 60 do
                for _ = 1, 5 do
                    local list = random_list(size, math.random(1, 100))
                    assert.same(record(table.sort, copy(list), is_less),
                        record(sort, list, is_less))
                end
            end
        end)
    end

    it("does as Lua's own without one", function()
        for _, list in ipairs({ {}, { 1 }, { 2, 1 }, { "b", "a", "c" }, random_list(5000, 1e6),
            random_list(5000, 10) }) do
            local theirs = copy(list)
            table.sort(theirs)
            sort(list)
            assert.same(theirs, list)
        end
    end)

    it("takes no metamethod of the list into account", function()
        local list = setmetatable({ 3, 1, 2 }, { __index = error, __newindex = error })
        sort(list)
        assert.same({ 1, 2, 3 }, { rawget(list, 1), rawget(list, 2), rawget(list, 3) })
    end)

    it("refuses what Lua's own refuses", function()
        for _, arguments in ipairs({ {}, { 1 }, { {}, 1 }, { {}, "x" } }) do
            local is_ok, message = pcall(sort, arguments[1], arguments[2])
            assert.is_false(is_ok)
            assert.matches("bad argument #%d to '.*' %(.* expected, got", message)
        end
        assert.has_error(function() sort({ 1, "x" }) end)
        assert.has_error(function() sort({ {}, {} }) end)
    end)

    it("names the line that called it", function()
        local is_ok, message = pcall(function()
            sort({ 1, 2, 3, 4, 5 }, function() return true end)
        end)
        assert.is_false(is_ok)
        assert.matches("sort_spec%.lua:%d+: invalid order function for sorting$", message)
    end)

    it("lets the comparator wait", function()
        local list = { 3, 1, 2 }
        sort(list, function(a, b)
            perigee.sleep(0)
            return a < b
        end)
        assert.same({ 1, 2, 3 }, list)
    end)
end)
