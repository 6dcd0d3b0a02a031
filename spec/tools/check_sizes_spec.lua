--- Builds small trees with one thing that is too long and reads what the check says about them.

local shell = dofile "spec/tools/shell.lua"

describe("the size check", function()
    local root

    before_each(function()
        root = shell("mktemp -d"):gsub("\n", "")
        shell(("mkdir -p '%s/lua' '%s/host'"):format(root, root))
    end)

    after_each(function()
        shell(("rm -rf '%s'"):format(root))
    end)

    local function check(path, text)
        local file = assert(io.open(root .. "/" .. path, "w"))
        file:write(text)
        file:close()
        return shell(("lua5.1 tools/check_sizes.lua '%s'"):format(root))
    end

    it("accepts files that fill their limit", function()
        assert.equal("", (check("host/a.c", ("\n"):rep(600))))
        assert.equal("", (check("lua/a.lua", ("\n"):rep(500))))
    end)

    it("refuses a longer C file", function()
        local text, status = check("host/a.c", ("\n"):rep(601))
        assert.equal("host/a.c:601: the file has 601 lines of at most 600; "
            .. "it holds two ideas, split it\n", text)
        assert.equal(1, status)
    end)

    it("refuses a C line that is too wide, counted in characters", function()
        assert.equal("", (check("host/a.c", "\n/* " .. ("\195\169"):rep(94) .. " */\n")))
        assert.equal("host/a.c:2: the line has 101 columns of at most 100\n",
            (check("host/a.c", "\n/* " .. ("e"):rep(95) .. " */\n")))
    end)

    it("refuses a longer Lua file", function()
        local text, status = check("lua/a.lua", ("\n"):rep(501))
        assert.matches("^lua/a.lua:501: the file has 501 lines of at most 500", text)
        assert.equal(1, status)
    end)

    it("measures a function to its own end, whatever stands in it", function()
        local body = "    if a then b() elseif c then d() else e() end -- end end\n"
            .. "    for i = 1, 2 do while f do repeat g(\"end\") until h end end\n"
        local function source(pairs_of_lines)
            return "\nlocal function long()\n" .. body:rep(pairs_of_lines) .. "end\n"
        end
        assert.equal("", (check("lua/a.lua", source(24))))
        assert.equal("lua/a.lua:2: the function has 52 lines of at most 50\n",
            (check("lua/a.lua", source(25))))
    end)
end)
