--- A new version that cannot serve changes nothing but the log and the status: the old one answers
-- throughout.
local host = require "spec.support.host"

local function version(text, more)
    return ([[return { http = function() return %q end, mount = "/", %s }]])
        :format(text, more or "")
end

for workers = 1, 2 do
    describe(("a new version, with %d worker(s),"):format(workers), function()
        local running

        before_each(function()
            running = host.start({ services = { ["a.lua"] = version("old") }, workers = workers,
                flags = { "--load-timeout", "300ms", "--memory", "8MB" } })
        end)

        after_each(host.stop_all)

        -- Saves what must fail, and returns the error that /status tells of it.
        local function save_broken(text)
            running:write("a.lua", text)
            running:wait_until(function()
                assert.equal("old", running:body("/"))
                return running:service("a").failures == 1
            end, "the reload has failed")
            local service = running:service("a")
            assert.equal("live", service.state)
            assert.equal(1, service.generation)
            assert.equal(workers, #service.isolates)
            for _ = 1, 10 do
                assert.equal("old", running:body("/"))
            end
            running:wait_for_log("a  reload failed, generation 1 stays: ")
            return service.last_error.message
        end

        it("that does not compile changes nothing, and a good one repairs it", function()
            assert.matches("/a%.lua:2: ", save_broken("return {\n  http = = }"))
            running:write("a.lua", version("new"))
            running:wait_for_body("/", "new")
            local service = running:service("a")
            assert.equal(1, service.reloads)
            assert.is_nil(service.last_error)
        end)

        it("whose top level raises changes nothing", function()
            assert.matches("/a%.lua:1: no database", save_broken("error('no database')"))
        end)

        it("whose top level hangs changes nothing", function()
            assert.matches("did not finish loading within 0%.3 s", save_broken("while true do end"))
        end)

        it("whose top level waits for ever changes nothing", function()
            assert.matches("did not finish loading within 0%.3 s",
                save_broken([[require("perigee").sleep(1e6)]]))
        end)

        it("that returns no service changes nothing", function()
            assert.matches("a service must return a table", save_broken("return 1"))
            assert.matches("/a%.lua", running:service("a").last_error.message)
        end)

        it("whose start() raises changes nothing", function()
            assert.matches("/a%.lua:1: cannot start",
                save_broken(version("new", "start = function() error('cannot start') end")))
        end)

        it("whose start() hangs changes nothing", function()
            assert.matches("did not finish start%(%) within 0%.3 s",
                save_broken(version("new", "start = function() while true do end end")))
        end)

        it("that takes too much memory while it loads changes nothing", function()
            assert.matches("memory", save_broken([[
                local eaten = {}
                while true do eaten[#eaten + 1] = ("x"):rep(10000) .. #eaten end
            ]]))
        end)

        it("that wants the mount of another service changes nothing, and both are named", function()
            running:write("b.lua", [[return { http = function() return "b" end, mount = "/b" }]])
            running:wait_for_body("/b", "b")
            local message = save_broken([[
                return { http = function() return "new" end, mount = "/b" }
            ]])
            assert.matches("/a%.lua: the mount \"/b\" is taken by the service 'b' %(%S+/b%.lua%)",
                message)
            assert.equal("b", running:body("/b"))
        end)

        it("may move to another mount", function()
            running:write("a.lua", [[return { http = function() return "new" end, mount = "/a" }]])
            running:wait_for_body("/a", "new")
            assert.equal(404, running:get("/").status)
        end)

        it("that is replaced before its start is over gives way to the next", function()
            running:write("a.lua", version("slow",
                "start = function() require('perigee').sleep(0.1) end"))
            running:write("a.lua", version("new"))
            running:wait_for_body("/", "new")
        end)
    end)
end

describe("a service that failed from the beginning", function()
    after_each(host.stop_all)

    it("answers 503 at its usual place, and lives once it is repaired", function()
        local running = host.start({ services = { ["a.lua"] = "error('no')" }, workers = 2 })
        local answer = running:get("/a")
        assert.equal(503, answer.status)
        assert.not_matches("a%.lua", answer.body)
        running:write("a.lua", [[return { http = function() return "yes" end }]])
        running:wait_for_body("/a", "yes")
        assert.equal(0, running:service("a").reloads)
    end)

    it("names the line of what the script returned", function()
        local running = host.start({ services = {
            ["rpc.lua"] = 'local Orders = "none"\nreturn { rpc = {\n  Orders = Orders,\n} }',
            ["mount.lua"] = 'return {\n  mount = "x" }',
            ["key.lua"] = "local service = {}\nservice.htpp = 1\nreturn service",
            ["limit.lua"] = 'return {\n  limits = { memory = "much" } }',
            ["reserved.lua"] = "return { rpc =\n{ rpc = {} } }",
            ["nothing.lua"] = "local x",
            ["computed.lua"] = "return { rpc = { ['a' .. 'b'] = 1 } }",
        } })
        for _, line in ipairs({
            'rpc%.lua:3: rpc%.Orders must be a table of functions, got "none"',
            "mount%.lua:2: mount must be a path",
            "key%.lua:2: the service's table has an unknown key 'htpp'",
            "limit%.lua:2: limits%.memory must be a size",
            'reserved%.lua:2: rpc%.rpc: the name "rpc" is kept for the host itself',
            "nothing%.lua: a service must return a table",
            "computed%.lua: rpc%.ab must be a table of functions, got 1",
        }) do
            assert.matches("FAILED: [^\n]*/" .. line, running:table())
        end
    end)

    it("says why to clients with --dev", function()
        local running = host.start({ services = { ["a.lua"] = "error('no')" },
            flags = { "--dev" } })
        assert.matches("a%.lua:1: no", running:body("/a"))
    end)
end)

describe("two services with the same mount", function()
    after_each(host.stop_all)

    local function service(name, before)
        return ([[%s return { http = function() return %q end, mount = "/x" }]]):format(
            before or "", name)
    end

    it("are an error of the second by name that names both, until the first gives it up", function()
        local slow = [[require("perigee").sleep(0.1)]]
        local running = host.start({ workers = 2, services = {
            ["a.lua"] = service("a", slow), ["b.lua"] = service("b", slow),
            ["c.lua"] = service("c"),
        } })
        for _, name in ipairs { "b", "c" } do
            assert.matches(name .. " +%S+ +FAILED: [^\n]*" .. name
                .. "%.lua: the mount \"/x\" is taken by the service 'a' %(%S+/a%.lua%)",
                running:table())
        end
        assert.equal("a", running:body("/x"))
        running:write("a.lua", [[return { mount = "/elsewhere" }]])
        running:wait_for_body("/x", "b")
    end)

    it("leave it to the one that has it, once they are served", function()
        local running = host.start({ services = { ["b.lua"] = service("b") } })
        running:write("a.lua", service("a"))
        running:wait_until(function()
            return running:service("a") and running:service("a").last_error
        end, "the second has failed")
        assert.equal("b", running:body("/x"))
    end)
end)

describe("two services with the same RPC service", function()
    after_each(host.stop_all)

    local function service(name, before, ...)
        local names = {}
        for i, rpc_name in ipairs({ "Shared", ... }) do
            names[i] = ("%s = { Name = function() return %q end }"):format(rpc_name, name)
        end
        return ("%s return { rpc = { %s } }"):format(before or "", table.concat(names, ", "))
    end

    local function name_of(running, rpc_name)
        return running:request({ method = "POST", target = ("/rpc/%s.Name"):format(rpc_name),
            fields = { "Content-Type", "application/json" }, body = "" }).body
    end

    it("are an error of the second by name that names both, until the first gives it up", function()
        local slow = [[require("perigee").sleep(0.1)]]
        local running = host.start({ workers = 2, services = {
            ["a.lua"] = service("a", slow), ["b.lua"] = service("b", slow, "Second"),
            ["c.lua"] = service("c", "", "Third"), ["d.lua"] = service("d", slow, "Third"),
        } })
        for _, name in ipairs { "b", "c", "d" } do
            assert.matches(name .. " +%S+ +FAILED: [^\n]*" .. name .. "%.lua: the RPC service "
                .. "\"Shared\" is that of the service 'a' %(%S+/a%.lua%) already", running:table())
        end
        assert.equal('"a"', name_of(running, "Shared"))
        assert.matches("can't find service Third", name_of(running, "Third"))
        running:write("a.lua", "return {}")
        running:wait_until(function()
            return name_of(running, "Second") == '"b"'
        end, "the next by name has it")
        assert.equal('"b"', name_of(running, "Shared"))
    end)

    it("leave it to the one that has it, once they are served", function()
        local running = host.start({ services = { ["b.lua"] = service("b") } })
        running:write("a.lua", service("a"))
        running:wait_until(function()
            return running:service("a") and running:service("a").last_error
        end, "the second has failed")
        assert.equal('"b"', name_of(running, "Shared"))
    end)
end)
