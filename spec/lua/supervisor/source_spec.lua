local source = require "perigee.supervisor.source"
local temporary = require "spec.support.temporary"

describe("perigee.supervisor.source", function()
    local folder

    before_each(function()
        folder = temporary.new()
        folder:write("a.lua", "return 1")
    end)

    after_each(function()
        folder:destroy()
    end)

    local function open(more_roots)
        local roots = { folder.path }
        for _, root in ipairs(more_roots or {}) do
            roots[#roots + 1] = folder:join(root)
        end
        return source.open({ name = "a", path = folder:join("a.lua"), roots = roots })
    end

    it("has the script's bytes", function()
        assert.equal("return 1", open().script)
    end)

    it("is none when the script is missing, or no file", function()
        folder:remove("a.lua")
        assert.equal("not_found", (select(2, open())))
        folder:write("a.lua/x", "")
        assert.equal("not_found", (select(2, open())))
    end)

    it("finds modules as files, folders, and below further roots, the first one first", function()
        folder:write("lib/x.lua", "x")
        folder:write("lib/y/init.lua", "y")
        folder:write("more/z.lua", "z")
        folder:write("more/lib/x.lua", "another x")
        local one = open({ "more" })
        assert.same({ source = "x", chunk = folder:join("lib/x.lua") }, one:module("lib.x"))
        assert.same({ source = "y", chunk = folder:join("lib/y/init.lua") }, one:module("lib.y"))
        assert.same({ source = "z", chunk = folder:join("more/z.lua") }, one:module("z"))
    end)

    it("names every place where it looked in vain", function()
        local file, message = open({ "more" }):module("lib.x")
        assert.is_nil(file)
        assert.matches("^module 'lib%.x' was not found:\n    no file [^\n]+/lib/x%.lua\n"
            .. "    no file [^\n]+/lib/x/init%.lua\n    no file [^\n]+/more/lib/x%.lua\n"
            .. "    no file [^\n]+/more/lib/x/init%.lua$", message)
    end)

    it("reads each file once", function()
        folder:write("x.lua", "1")
        local one = open()
        one:module("x")
        folder:write("x.lua", "2")
        assert.equal("1", one:module("x").source)
    end)

    it("refuses a file that is too large", function()
        folder:write("x.lua", (" "):rep(4 * 1024 * 1024 + 1))
        local _, message = open():module("x")
        assert.matches("/x%.lua is larger than 4194304 bytes", message)
    end)

    describe("is changed", function()
        it("by other bytes in the script", function()
            local one = open()
            assert.is_false(one:is_changed())
            folder:write("a.lua", "return 2")
            assert.is_true(one:is_changed())
        end)

        it("by a module with other bytes, one that is gone, or one that comes first now", function()
            folder:write("lib/x.lua", "1")
            folder:write("more/y.lua", "1")
            local function open_with_modules()
                local one = open({ "more" })
                one:module("lib.x")
                one:module("y")
                return one
            end
            local one = open_with_modules()
            folder:write("lib/x.lua", "2")
            assert.is_true(one:is_changed())
            one = open_with_modules()
            folder:remove("lib/x.lua")
            assert.is_true(one:is_changed())
            one = open_with_modules()
            assert.is_false(one:is_changed())
            folder:write("y.lua", "first")
            assert.is_true(one:is_changed())
        end)

        it("by a module that was missing", function()
            local one = open()
            one:module("late")
            assert.is_false(one:is_changed())
            folder:write("late.lua", "here")
            assert.is_true(one:is_changed())
        end)

        it("not by the same bytes, nor by files it never looked at", function()
            local one = open()
            folder:write("a.lua", "return 1")
            folder:write("b.lua", "")
            assert.is_false(one:is_changed())
        end)

        it("by a script that is gone", function()
            local one = open()
            folder:remove("a.lua")
            assert.is_true(one:is_changed())
        end)
    end)

    it("looks for so many modules and no more", function()
        folder:write("a.lua", "return 1")
        local one = open()
        for i = 1, 1000 do
            assert.matches("was not found", (select(2, one:module("made_up_" .. i))))
        end
        assert.matches("'another' is one too many", (select(2, one:module("another"))))
        assert.matches("was not found", (select(2, one:module("made_up_1"))))
    end)
end)
