--- docs/seam.md lists what Lua may call in C; what is registered must be the same.
local seam = require "host"

local PAGE = "docs/seam.md"

local function documented()
    local names = {}
    for line in io.lines(PAGE) do
        local name = line:match("^%- `([%w_]+)%(")
        if name then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

local function registered()
    local names = {}
    for name, value in pairs(seam) do
        assert.equal("function", type(value))
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

describe("the seam", function()
    it("is what " .. PAGE .. " says", function()
        assert.same(documented(), registered())
    end)
end)
