local directory = require "perigee.supervisor.directory"
local log = require "perigee.log"
local perigee = require "perigee"
local seam = require "host"
local temporary = require "spec.support.temporary"

describe("perigee.supervisor.directory", function()
    local folder

    before_each(function()
        folder = temporary.new()
    end)

    after_each(function()
        folder:destroy()
    end)

    local function open(options)
        options = options or {}
        options.path = options.path or folder.path
        return directory.open(options)
    end

    local function names_of(services)
        local names = {}
        for name in pairs(services) do
            names[#names + 1] = name
        end
        table.sort(names)
        return names
    end

    describe("scan", function()
        it("finds files and folders that are services", function()
            folder:write("hello.lua", "")
            folder:write("shop/init.lua", "")
            folder:write("lib/x.lua", "")
            folder:write("README.md", "")
            local services, problems = open():scan()
            assert.same({ "hello", "shop" }, names_of(services))
            assert.same({}, problems)
            assert.equal(folder:join("hello.lua"), services.hello.path)
            assert.equal(folder:join("shop/init.lua"), services.shop.path)
        end)

        it("says where each looks for modules: a folder first in itself", function()
            folder:write("hello.lua", "")
            folder:write("shop/init.lua", "")
            local services = open({ module_paths = { "/shelf" } }):scan()
            assert.same({ folder.path, "/shelf" }, services.hello.roots)
            assert.same({ folder:join("shop"), folder.path, "/shelf" }, services.shop.roots)
        end)

        it("passes over what editors leave behind", function()
            for _, name in ipairs({ ".hello.lua", ".#hello.lua", "#hello.lua#", "hello.lua~",
                ".hello.lua.swp", "4913" }) do
                folder:write(name, "")
            end
            local services, problems = open():scan()
            assert.same({}, names_of(services))
            assert.same({}, problems)
        end)

        it("tells of names that no service can have", function()
            folder:write("a b.lua", "")
            folder:write("1st.lua", "")
            local services, problems = open():scan()
            assert.same({}, names_of(services))
            assert.equal(2, #problems)
            assert.matches("/1st%.lua is not a service", problems[1])
        end)

        it("tells of a file and a folder with one name, and takes the file", function()
            folder:write("a.lua", "")
            folder:write("a/init.lua", "")
            local services, problems = open():scan()
            assert.equal(folder:join("a.lua"), services.a.path)
            assert.matches("are both the service 'a'; the file is used", problems[1])
        end)

        it("does not take a folder called like a script for one", function()
            folder:write("a.lua/x", "")
            assert.same({}, names_of((open():scan())))
        end)

        it("follows links, and passes over those that lead nowhere", function()
            folder:write("real", "")
            folder:link("a.lua", "real")
            folder:link("b.lua", "nowhere")
            assert.same({ "a" }, names_of((open():scan())))
        end)

        it("cannot read a directory that is not there", function()
            assert.same({ nil, "not_found" }, { open({ path = folder:join("nowhere") }):scan() })
        end)

        it("does not mind a slash at the end", function()
            folder:write("a.lua", "")
            assert.equal(folder:join("a.lua"), open({ path = folder.path .. "//" }):scan().a.path)
        end)
    end)

    it("says once, and how to mend it, when the kernel has no watch left", function()
        local watch_directory, warn, said = seam.watch_directory, log.warn, {}
        finally(function()
            seam.watch_directory, log.warn = watch_directory, warn
        end)
        seam.watch_directory = function()
            return nil, "full"
        end
        log.warn = function(message)
            said[#said + 1] = message
        end
        local watched = open()
        watched:watch({})
        watched:watch({})
        assert.equal(1, #said)
        assert.matches("cannot be watched %(full%): changes are looked for every 1 s; .*inotify",
            said[1])
    end)

    describe("wait_for_change", function()
        local watched

        before_each(function()
            folder:write("a.lua", "1")
            folder:write("lib/x.lua", "1")
            watched = open()
            watched:listen()
            watched:watch({})
        end)

        after_each(function()
            for _, id in pairs(watched.watches) do
                seam.unwatch(id)
            end
        end)

        -- Runs `change` while another task waits. Returns what the wait said.
        local function wait_through(change)
            local is_told
            perigee.go(function()
                is_told = watched:wait_for_change()
            end)
            perigee.sleep(0)
            change()
            while is_told == nil do
                perigee.sleep(0.001)
            end
            return is_told
        end

        for what, change in pairs({
            ["a file that is replaced"] = function() folder:write("a.lua", "2") end,
            ["a file that is written in place"] = function()
                folder:write_in_place("a.lua", "2")
            end,
            ["a file that is new"] = function() folder:write("b.lua", "2") end,
            ["a file that is gone"] = function() folder:remove("a.lua") end,
        }) do
            it("tells of " .. what, function()
                assert.is_true(wait_through(change))
            end)
        end

        it("tells of other directories once it watches them", function()
            watched:watch_path(folder:join("lib/x.lua"))
            assert.is_true(wait_through(function() folder:write("lib/x.lua", "2") end))
        end)

        it("can be poked", function()
            assert.is_true(wait_through(function() watched:poke() end))
            watched:poke()
            assert.is_true(watched:wait_for_change())
        end)

        it("looks by itself from time to time", function()
            assert.is_false(wait_through(function() end))
        end)
    end)
end)
