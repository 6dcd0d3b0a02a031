local date = require "perigee.http.date"
local preconditions = require "perigee.http.preconditions"

local STATE = { tag = '"a"', modified = 1000000000, now = 1700000000 }
local BEFORE, THEN, AFTER = date.format(999999999), date.format(1000000000),
    date.format(1000000001)

-- method, fields, what comes of it
local CASES = {
    { "GET", {}, nil },
    { "GET", { ["if-none-match"] = '"a"' }, 304 },
    { "HEAD", { ["if-none-match"] = '"a"' }, 304 },
    { "PUT", { ["if-none-match"] = '"a"' }, 412 },
    { "GET", { ["if-none-match"] = '"b"' }, nil },
    { "GET", { ["if-none-match"] = 'W/"a"' }, 304 },
    { "GET", { ["if-none-match"] = '"b", "a"' }, 304 },
    { "GET", { ["if-none-match"] = '"b,\\"a\\"", W/"c" ,,"a"' }, nil }, -- no tag has a quote
    { "GET", { ["if-none-match"] = '"b, c", W/"c" ,,"a"' }, 304 },
    { "GET", { ["if-none-match"] = "*" }, 304 },
    { "PUT", { ["if-none-match"] = "*" }, 412 },
    { "GET", { ["if-none-match"] = "a" }, nil },
    { "GET", { ["if-none-match"] = 'w/"a"' }, nil },
    { "GET", { ["if-none-match"] = '"a' }, nil },
    { "GET", { ["if-none-match"] = "" }, nil },
    { "GET", { ["if-modified-since"] = THEN }, 304 },
    { "GET", { ["if-modified-since"] = AFTER }, 304 },
    { "GET", { ["if-modified-since"] = BEFORE }, nil },
    { "GET", { ["if-modified-since"] = "soon" }, nil },
    { "PUT", { ["if-modified-since"] = THEN }, nil },
    { "GET", { ["if-none-match"] = '"b"', ["if-modified-since"] = THEN }, nil },
    { "GET", { ["if-none-match"] = '"a"', ["if-modified-since"] = BEFORE }, 304 },
    { "GET", { ["if-match"] = '"a"' }, nil },
    { "GET", { ["if-match"] = 'W/"a"' }, 412 },
    { "GET", { ["if-match"] = '"b"' }, 412 },
    { "GET", { ["if-match"] = '"b", "a"' }, nil },
    { "GET", { ["if-match"] = "*" }, nil },
    { "GET", { ["if-match"] = "" }, 412 },
    { "GET", { ["if-unmodified-since"] = BEFORE }, 412 },
    { "GET", { ["if-unmodified-since"] = THEN }, nil },
    { "GET", { ["if-unmodified-since"] = "soon" }, nil },
    { "GET", { ["if-match"] = '"a"', ["if-unmodified-since"] = BEFORE }, nil },
    { "GET", { ["if-match"] = '"b"', ["if-none-match"] = '"a"' }, 412 },
    { "GET", { ["if-match"] = '"a"', ["if-none-match"] = '"a"' }, 304 },
    { "GET", { ["if-unmodified-since"] = BEFORE, ["if-modified-since"] = THEN }, 412 },
}

local IF_RANGES = {
    { nil, true },
    { '"a"', true },
    { 'W/"a"', false },
    { '"b"', false },
    { THEN, true },
    { BEFORE, false },
    { AFTER, false },
    { "soon", false },
    { "", false },
}

describe("perigee.http.preconditions", function()
    for i, case in ipairs(CASES) do
        local texts = {}
        for name, value in pairs(case[2]) do
            texts[#texts + 1] = name .. ": " .. value
        end
        table.sort(texts)
        it(("decides %d: %s %s"):format(i, case[1], table.concat(texts, ", ")), function()
            assert.equal(case[3], preconditions.check(case[1], function(name)
                return case[2][name]
            end, STATE))
        end)
    end

    for _, case in ipairs(IF_RANGES) do
        it("lets a range count beside If-Range: " .. tostring(case[1]), function()
            assert.equal(case[2], preconditions.allows_range(case[1], STATE))
        end)
    end

    it("takes If-Range for one tag and not for a list", function()
        local state = { tag = '"a"', modified = 0, now = 10 }
        assert.is_true(preconditions.allows_range('"a"', state))
        for _, text in ipairs({ '"a", "b"', '"b", "a"', 'W/"a"', '"a"x', 'x"a"', "*" }) do
            assert.is_false(preconditions.allows_range(text, state))
        end
    end)

    it("trusts no date whose second is not over", function()
        local state = { tag = '"a"', modified = 1000000000, now = 1000000000.9 }
        assert.is_false(preconditions.allows_range(THEN, state))
    end)

    it("never takes a weak tag for a strong one", function()
        local state = { tag = 'W/"a"', modified = 0, now = 10 }
        assert.is_false(preconditions.allows_range('W/"a"', state))
        assert.is_false(preconditions.allows_range('"a"', state))
        assert.equal(412, preconditions.check("GET", function(name)
            return name == "if-match" and '"a"' or nil
        end, state))
    end)

    it("takes a time that grows with the text", function()
        local began = os.clock()
        for _, text in ipairs({ (" "):rep(200000), ('"'):rep(200001), ('"b",'):rep(50000),
            (","):rep(200000) .. "x" }) do
            assert.is_nil(preconditions.check("GET", function(name)
                return name == "if-none-match" and text or nil
            end, STATE))
        end
        assert.is_true(os.clock() - began < 1)
    end)
end)
