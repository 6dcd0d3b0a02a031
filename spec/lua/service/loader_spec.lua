local loader = require "perigee.service.loader"
local perigee = require "perigee"

describe("perigee.service.loader", function()
    local files, fetched, state

    before_each(function()
        files, fetched = {}, {}
        state = { loaded = {}, loading = {} }
    end)

    local function fetch(name)
        fetched[#fetched + 1] = name
        if files[name] then
            return { source = files[name], chunk = "lib/" .. name .. ".lua" }
        end
        return nil, ("module '%s' was not found"):format(name)
    end

    -- As a service finds it.
    local function require_module(name)
        local module = loader.load(state, name, fetch)
        return module
    end

    local function refuse(name, pattern)
        local is_ok, message = pcall(function()
            local module = require_module(name)
            return module
        end)
        assert.is_false(is_ok)
        assert.matches(pattern, message)
    end

    it("loads anew what a task that was ended has left half done", function()
        files.a = "return 'whole'"
        local task = perigee.go(function() end)
        state.loading.a = task
        refuse("a", "is required while it is being loaded")
        task:join()
        assert.equal("whole", require_module "a")
    end)

    it("gives what the module's file returns, and loads it once", function()
        files.a = "count = (count or 0) + 1 return { count = count }"
        local first = require_module "a"
        assert.equal(first, require_module "a")
        assert.same({ "a" }, fetched)
    end)

    it("gives true for a file that returns nothing", function()
        files.a = ""
        assert.is_true(require_module "a")
    end)

    it("tells the file its name", function()
        files["a.b"] = "return ..."
        assert.equal("a.b", require_module "a.b")
    end)

    it("gives Perigee's public modules, and no other of Perigee's", function()
        assert.equal(require "perigee.http", require_module "perigee.http")
        assert.equal(require "perigee", require_module "perigee")
        for _, name in ipairs({ "perigee.core.scheduler", "perigee.worker", "perigee.no" }) do
            refuse(name, "Perigee has no module '" .. name:gsub("%.", "%%.") .. "' for services")
        end
        assert.same({}, fetched)
    end)

    it("refuses what is no name", function()
        for _, name in ipairs({ "", "a b", "../a", "/etc/passwd", "a..b", ".a", "a/b", "a\0b" }) do
            refuse(name, "is not the name of a module")
        end
        refuse(nil, "require takes a name, got nil")
        refuse({}, "require takes a name, got table")
        assert.same({}, fetched)
    end)

    it("raises what the search says, where it was asked", function()
        refuse("missing", "loader_spec%.lua:%d+: module 'missing' was not found")
    end)

    it("raises mistakes of the file with their line", function()
        files.bad = "return {\n]"
        refuse("bad", "^lib/bad%.lua:2: ")
        files.raises = "\n\nerror('broken')"
        refuse("raises", "^lib/raises%.lua:3: broken$")
    end)

    it("tries again after a failure", function()
        files.a = "error('broken')"
        refuse("a", "broken")
        files.a = "return 'whole'"
        assert.equal("whole", require_module "a")
    end)

    it("does not load a module inside itself", function()
        rawset(_G, "require_for_spec", require_module)
        files.a = "local b = require_for_spec 'b' return b"
        files.b = "local a = require_for_spec 'a' return a"
        refuse("a", "module 'a' is required while it is being loaded")
        rawset(_G, "require_for_spec", nil)
    end)

    it("loads text only", function()
        files.a = string.dump(function() end)
        refuse("a", "attempt to load")
    end)
end)
