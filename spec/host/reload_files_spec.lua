--- Every way in which a file can come to have other contents ends in the same: the new version
-- answers.
local host = require "spec.support.host"
local perigee = require "perigee"

-- A change counts once it has paused for so long.
local SETTLE_S = 0.008

local function version(text)
    return ([[return { http = function() return %q end, mount = "/" }]]):format(text)
end

for workers = 1, 2 do
    describe(("a save, with %d worker(s),"):format(workers), function()
        local running

        before_each(function()
            running = host.start({ services = { ["a.lua"] = version("1") }, workers = workers })
        end)

        after_each(host.stop_all)

        local function live_generations()
            local numbers = {}
            for i, isolate in ipairs(running:service("a").isolates) do
                numbers[i] = isolate.generation
            end
            return numbers
        end

        it("by a rename over the file", function()
            running:write("a.lua", version("2"))
            running:wait_for_body("/", "2")
        end)

        it("in place", function()
            running:write_in_place("a.lua", version("2"))
            running:wait_for_body("/", "2")
        end)

        it("in place, in two halves, which never answers with half", function()
            local text = version("2")
            local file = assert(io.open(running.directory .. "/a.lua", "w"))
            file:setvbuf("no")
            file:write(text:sub(1, 20))
            running:wait_for_log("reload failed, generation 1 stays: %S+/a%.lua:1: ")
            assert.equal("1", running:body("/"))
            file:write(text:sub(21))
            file:close()
            running:wait_for_body("/", "2")
        end)

        it("of the same bytes is none", function()
            running:write("a.lua", version("1"))
            running:write("b.lua", version("1"):gsub('"/"', '"/b"'))
            running:wait_for_log("b  the service is up")
            assert.equal(1, running:service("a").generation)
        end)

        it("many times in a burst ends at the last version, in few reloads", function()
            local began = perigee.now()
            for i = 2, 50 do
                running:write("a.lua", version(tostring(i)))
            end
            -- On a machine that is slow to write, a burst has pauses that end a change.
            local pauses = (perigee.now() - began) / SETTLE_S
            running:wait_for_body("/", "50")
            assert.is_true(running:service("a").reloads < math.max(25, pauses))
        end)

        it("leaves one generation behind, in every worker", function()
            for i = 2, 5 do
                running:write("a.lua", version(tostring(i)))
                running:wait_for_body("/", tostring(i))
            end
            running:wait_until(function()
                return #live_generations() == workers
            end, "the old generations are closed")
            local current = running:service("a").generation
            for _, number in ipairs(live_generations()) do
                assert.equal(current, number)
            end
        end)
    end)
end

describe("the directory served", function()
    after_each(host.stop_all)

    local function start(services, ...)
        return host.start({ services = services, flags = { ... } })
    end

    it("may have a link swapped for another", function()
        local running = start({ ["versions/1"] = version("1"), ["versions/2"] = version("2") })
        running:link("a.lua", "versions/1")
        running:wait_for_body("/", "1")
        running:link("a.lua", "versions/2")
        running:wait_for_body("/", "2")
    end)

    it("may have a linked file changed where it is", function()
        local running = start({})
        running.root:write("elsewhere/a", version("1"))
        running:link("a.lua", running.root:join("elsewhere/a"))
        running:wait_for_body("/", "1")
        running.root:write("elsewhere/a", version("2"))
        running:wait_for_body("/", "2")
    end)

    it("may be a Kubernetes volume, where files lead through a link that is swapped", function()
        local running = start({ ["..1/a.lua"] = version("1"), ["..2/a.lua"] = version("2") })
        running:link("..data", "..1")
        running:link("a.lua", "..data/a.lua")
        running:wait_for_body("/", "1")
        running:link("..data", "..2")
        running:remove("..1")
        running:wait_for_body("/", "2")
    end)

    it("may itself be a link that is swapped", function()
        local running = start({})
        running.root:write("release-1/a.lua", version("1"))
        running.root:write("release-2/a.lua", version("2"))
        running.root:link("current", "release-1")
        local second = host.start({ directory = running.root:join("current") })
        assert.equal("1", second:body("/"))
        running.root:link("current", "release-2")
        second:wait_for_body("/", "2")
    end)

    it("may go away and come back", function()
        local running = start({ ["a.lua"] = version("1") })
        assert(os.rename(running.directory, running.directory .. "-away"))
        running:wait_for_log("cannot be read %(not_found%): services stay as they are")
        assert.equal("1", running:body("/"))
        running.root:write("services-away/a.lua", version("2"))
        assert(os.rename(running.directory .. "-away", running.directory))
        running:wait_for_body("/", "2")
    end)

    it("takes services in and lets them go while it runs", function()
        local running = start({})
        running:write("a.lua", version("here"))
        running:wait_for_body("/", "here")
        running:remove("a.lua")
        running:wait_for_log("a%.lua is gone: the service is removed")
        running:wait_until(function()
            return running:get("/").status == 404
        end, "nobody answers any more")
        assert.same({}, running:status().services)
    end)

    it("may have a service renamed that keeps its mount", function()
        local running = start({ ["a.lua"] = version("1") })
        assert(os.rename(running.directory .. "/a.lua", running.directory .. "/b.lua"))
        running:wait_for_log("a%.lua is gone: the service is removed")
        running:wait_for_body("/", "1")
        assert.equal("live", running:service("b").state)
    end)

    it("may hold services that are folders", function()
        local running = start({ ["shop/init.lua"] = [[
            local prices = require "prices"
            return { http = function() return prices.tea end, mount = "/" }
        ]], ["shop/prices.lua"] = [[return { tea = "3" }]] })
        assert.equal("3", running:body("/"))
        running:write("shop/prices.lua", [[return { tea = "4" }]])
        running:wait_for_body("/", "4")
        running:write("shop/init.lua", version("closed"))
        running:wait_for_body("/", "closed")
        running:remove("shop")
        running:wait_for_log("the service is removed")
    end)

    it("may change a service from file to folder and back", function()
        local running = start({ ["a.lua"] = version("file") })
        running:write("a/init.lua", version("folder"))
        running:wait_for_log("are both the service 'a'; the file is used")
        running:remove("a.lua")
        running:wait_for_body("/", "folder")
        running:write("a.lua", version("file again"))
        running:wait_for_body("/", "file again")
    end)

    it("is not looked at with --no-watch until somebody asks", function()
        local running = start({ ["a.lua"] = version("1") }, "--no-watch")
        running:write("a.lua", version("2"))
        running:write("b.lua", [[return { http = function() return "b" end }]])
        assert.equal("1", running:body("/"))
        running:ask("POST", "/reload/a")
        assert.equal("2", running:body("/"))
        running:signal(1)
        running:wait_for_body("/b", "b")
    end)
end)
