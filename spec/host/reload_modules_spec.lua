--- A service is its script and the modules it asked for: a change of any of them reloads just who
-- uses it.
local host = require "spec.support.host"

-- A service that answers with the value of a module.
local function user(module, mount)
    return ([[
        local value = require %q
        return { http = function() return tostring(value) end, mount = %q }
    ]]):format(module, mount)
end

local function value(text)
    return ("return %q"):format(text)
end

describe("a module", function()
    after_each(host.stop_all)

    local function start(services, ...)
        return host.start({ services = services, flags = { ... }, workers = 2 })
    end

    it("that changes reloads the services that use it, and no other", function()
        local running = start({
            ["a.lua"] = user("lib.x", "/a"),
            ["b.lua"] = user("lib.x", "/b"),
            ["c.lua"] = user("lib.y", "/c"),
            ["lib/x.lua"] = value("x1"),
            ["lib/y.lua"] = value("y1"),
        })
        assert.equal("x1", running:body("/a"))
        running:write("lib/x.lua", value("x2"))
        running:wait_for_body("/a", "x2")
        running:wait_for_body("/b", "x2")
        assert.equal("y1", running:body("/c"))
        assert.equal(1, running:service("c").generation)
    end)

    it("is found through another, and as a folder with init.lua", function()
        local running = start({
            ["a.lua"] = user("lib.outer", "/a"),
            ["lib/outer/init.lua"] = [[return "outer " .. require "lib.outer.inner"]],
            ["lib/outer/inner.lua"] = value("1"),
        })
        assert.equal("outer 1", running:body("/a"))
        running:write("lib/outer/inner.lua", value("2"))
        running:wait_for_body("/a", "outer 2")
    end)

    it("that is missing fails the service until it appears", function()
        local running = start({ ["a.lua"] = user("lib.late", "/a") })
        assert.matches("FAILED: .*a%.lua:1: module 'lib%.late' was not found", running:table())
        assert.equal(503, running:get("/a").status)
        running:write("lib/late.lua", value("here"))
        running:wait_for_body("/a", "here")
    end)

    it("that goes missing leaves the old version answering", function()
        local running = start({ ["a.lua"] = user("lib.x", "/a"), ["lib/x.lua"] = value("1") })
        running:remove("lib/x.lua")
        running:wait_for_log("reload failed, generation 1 stays: .*module 'lib%.x' was not found")
        assert.equal("1", running:body("/a"))
        running:write("lib/x.lua", value("2"))
        running:wait_for_body("/a", "2")
    end)

    it("is looked up in the directories of --module-path too, after the service's own", function()
        local temporary = require "spec.support.temporary"
        local shelf = temporary.new()
        shelf:write("shared.lua", value("from the shelf"))
        shelf:write("own.lua", value("from the shelf"))
        local running = start({
            ["a.lua"] = user("shared", "/a"),
            ["b.lua"] = user("own", "/b"),
            ["own.lua"] = [[return setmetatable({}, { __tostring = function() return "own" end })]],
        }, "--module-path", shelf.path)
        assert.equal("from the shelf", running:body("/a"))
        assert.equal("own", running:body("/b"))
        shelf:write("shared.lua", value("changed"))
        running:wait_for_body("/a", "changed")
        shelf:destroy()
    end)

    it("may be asked for when a request needs it, and counts from then on", function()
        local running = start({
            ["a.lua"] = [[return { http = function() return require "lib.x" end }]],
            ["lib/x.lua"] = value("1"),
        })
        for _ = 1, 10 do
            assert.equal("1", running:body("/a"))
        end
        running:write("lib/x.lua", value("2"))
        running:wait_for_body("/a", "2")
    end)

    it("may wait while it loads", function()
        local running = start({
            ["a.lua"] = user("lib.slow", "/a"),
            ["lib/slow.lua"] = [[require("perigee").sleep(0.01) return "slept"]],
        })
        assert.equal("slept", running:body("/a"))
    end)

    it("that asks for itself through another is told, not waited for", function()
        local running = start({
            ["a.lua"] = user("lib.one", "/a"),
            ["lib/one.lua"] = [[local two = require "lib.two" return two]],
            ["lib/two.lua"] = [[local one = require "lib.one" return one]],
        })
        assert.matches("FAILED: %S+/lib/two%.lua:1: module 'lib%.one' is required while it is "
            .. "being loaded", running:table())
    end)

    it("with a mistake is named with its line", function()
        local running = start({
            ["a.lua"] = user("lib.bad", "/a"),
            ["lib/bad.lua"] = "return {\n\n]",
        })
        assert.matches("FAILED: %S+/lib/bad%.lua:3: ", running:table())
    end)

    it("cannot lie outside the directories", function()
        local running = start({
            ["a.lua"] = [[
                local found = {}
                for _, name in ipairs { "..secret", "../secret", "/etc/passwd", "lib...secret", "" } do
                    found[#found + 1] = tostring((pcall(require, name)))
                end
                return { http = function() return table.concat(found, " ") end }
            ]],
        })
        running.root:write("secret.lua", value("secret"))
        assert.equal("false false false false false", running:body("/a"))
    end)
end)
