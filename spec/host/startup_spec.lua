local host = require "spec.support.host"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local HELLO = [[
local http = require "perigee.http"
local app = http.router()
app:get("/hello/:name", function(request)
    return { message = "Hello, " .. request.params.name }
end)
app:post("/hello", function() return 201 end)
return { http = app, mount = "/" }
]]

local PLAIN = [[return { http = function() return "plain" end }]]

describe("starting the host", function()
    after_each(host.stop_all)

    describe("prints a table that", function()
        it("names services, scripts and routes below their mounts", function()
            local running = host.start({ services = {
                ["hello.lua"] = HELLO, ["plain.lua"] = PLAIN,
            } })
            local text = running:table()
            assert.matches("\n  SERVICE  SCRIPT +ROUTES\n", text)
            assert.matches("\n  hello +%S+/services/hello%.lua +GET /hello/:name, POST /hello\n",
                text)
            assert.matches("\n  plain +%S+/services/plain%.lua +any request below /plain\n", text)
        end)

        it("counts the workers and tells the ports that the kernel picked", function()
            local running = host.start({ services = { ["plain.lua"] = PLAIN }, workers = 2 })
            assert.matches("^perigee %d+%.%d+%.%d+, 2 workers\n", running:table())
            assert.matches("^127%.0%.0%.1:%d+$", running.http)
            assert.not_matches(":0$", running.http)
            assert.matches("^127%.0%.0%.1:%d+$", running.admin)
            assert.equal("plain", running:body("/plain"))
        end)

        it("says which script failed, and where, while the others serve", function()
            local running = host.start({ services = {
                ["broken.lua"] = "local a = 1\nlocal = 2\nreturn {}",
                ["plain.lua"] = PLAIN,
            } })
            assert.matches("\n  broken +%S+ +FAILED: %S+/services/broken%.lua:2: [^\n]+\n",
                running:table())
            assert.equal("plain", running:body("/plain"))
            local refused = running:get("/broken")
            assert.equal(503, refused.status)
            assert.is_string(refused:header("Retry-After"))
        end)

        it("has the same for a script that raises, and for one that returns no service", function()
            local running = host.start({ services = {
                ["raises.lua"] = "\n\nerror(\"no database\")",
                ["returns.lua"] = "return 42",
                ["mistyped.lua"] = "return { htpp = print }",
            } })
            local text = running:table()
            assert.matches("raises +%S+ +FAILED: %S+/raises%.lua:3: no database\n", text)
            assert.matches("returns +%S+ +FAILED: %S+/returns%.lua: a service must return a table",
                text)
            assert.matches("mistyped +%S+ +FAILED: .-'htpp': did you mean 'http'%?\n", text)
        end)
    end)

    describe("ends at once when", function()
        local folder

        before_each(function()
            folder = temporary.new()
        end)

        after_each(function()
            folder:destroy()
        end)

        it("the port is taken, and says by which flag it can be changed", function()
            local running = host.start({ services = {} })
            local status, output, log = program.run({ folder.path, "--admin", "127.0.0.1:0",
                "--rpc", "off", "--http", running.http })
            assert.equal(1, status)
            assert.equal("", output)
            assert.matches("cannot listen on " .. running.http:gsub("%p", "%%%0"), log)
            assert.matches("%-%-http", log)
        end)

        it("the admin port is taken", function()
            local running = host.start({ services = {} })
            local status, _, log = program.run({ folder.path, "--http", "127.0.0.1:0",
                "--rpc", "off", "--admin", running.admin })
            assert.equal(1, status)
            assert.matches("cannot listen on " .. running.admin:gsub("%p", "%%%0"), log)
            assert.matches("%-%-admin", log)
        end)

        it("the directory is missing, or is none", function()
            folder:write("file", "")
            for name, reason in pairs({
                missing = "there is no directory",
                file = "is not a directory",
            }) do
                local status, _, log = program.run({ "serve", folder:join(name) })
                assert.equal(1, status)
                assert.matches(reason, log)
                assert.matches(folder:join(name), log, 1, true)
            end
        end)

        it("an address makes no sense", function()
            local status, _, log = program.run({ folder.path, "--http", "nonsense" })
            assert.equal(2, status)
            assert.matches("nonsense", log)
        end)
    end)

    it("serves nothing from an empty directory, and waits for the first service", function()
        local running = host.start({ services = {} })
        assert.equal(404, running:get("/hello/Ann").status)
        running:write("hello.lua", HELLO)
        running:wait_until(function()
            return running:get("/hello/Ann").status == 200
        end, "the new service answers")
    end)

    it("tells of files that cannot be services and serves the rest", function()
        local running = host.start({ services = { ["plain.lua"] = PLAIN, ["a b.lua"] = PLAIN } })
        running:wait_for_log("a b%.lua is not a service")
        assert.equal("plain", running:body("/plain"))
    end)
end)
