local host = require "spec.support.host"
local options = require "perigee.cli.options"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local HELLO = [[return { http = function() return "hello" end }]]

describe("perigee", function()
    local folder

    before_each(function()
        folder = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        folder:destroy()
    end)

    local function run(...)
        return program.run({ ... }, { directory = folder.path })
    end

    it("--help explains the commands and every flag of serve", function()
        for _, flag in ipairs({ "--help", "-h", "help" }) do
            local status, output, log = run(flag)
            assert.equal(0, status)
            assert.equal("", log)
            for _, word in ipairs({ "serve", "check", "new", "status", "reload", "profile",
                "test" }) do
                assert.matches("\n  " .. word .. " ", output)
            end
            assert.matches("\n  %-%-http ADDRESS +.*127%.0%.0%.1:8080", output)
            assert.matches("\n  %-%-max%-body SIZE ", output)
        end
    end)

    it("--help behind a command explains that one's flags", function()
        for _, flag in ipairs({ "--help", "-h" }) do
            local status, output, log = run("call", "Calculator.Add", flag)
            assert.equal(0, status)
            assert.equal("", log)
            assert.matches("^usage: perigee call ", output)
            assert.matches("\n  %-%-codec CODEC ", output)
            assert.is_nil(output:find("--max-body", 1, true))
            assert.matches("\n  %-%-max%-body SIZE ", select(2, run("services", flag)))
        end
        assert.matches("\n  %-%-tasks SERVICE ", select(2, run("help", "status")))
    end)

    it("--version tells its own version and LuaJIT's", function()
        local status, output = run("--version")
        assert.equal(0, status)
        assert.matches("^perigee %d+%.%d+%.%d+ %(LuaJIT 2%.1[^)]*%)\n$", output)
    end)

    describe("with a mistake in its arguments ends with status 2 and names", function()
        local function refuse(pattern, ...)
            local status, output, log = run(...)
            assert.equal(2, status)
            assert.equal("", output)
            assert.matches(pattern, log)
        end

        it("the flag that was probably meant", function()
            refuse("there is no flag %-%-htpp: did you mean %-%-http%?", ".", "--htpp", "x")
            refuse("there is no flag %-%-frobnicate; see perigee %-%-help", ".", "--frobnicate")
        end)

        it("the command that was probably meant", function()
            refuse("did you mean 'perigee serve'%?", "srve")
            refuse("there is no command and no directory 'nowhere'", "nowhere")
        end)

        it("the value that is none", function()
            refuse("%-%-max%-body must be a size such as 64MB, got 'much'", ".",
                "--max-body", "much")
            refuse("%-%-drain must be a time", ".", "--drain", "soon")
            refuse("%-%-slice must be from 1 to 1000", ".", "--slice", "0")
            refuse("%-%-slice must be from 1 to 1000", ".", "--slice", "2000")
            refuse("%-%-workers must be auto or a number from 1 to 256, got '0'", ".",
                "--workers", "0")
            refuse("%-%-log%-level must be one of debug, info, warn, error, got 'loud'", ".",
                "--log-level", "loud")
            refuse("%-%-http needs a value", ".", "--http")
        end)

        it("the value far out of range, whatever the flag", function()
            local ranged = { count = true, duration = true, size = true }
            for _, option in ipairs(options.serve) do
                local flag = "--" .. option.name
                if ranged[option.kind] then
                    refuse(flag:gsub("%-", "%%-") .. " must be from %w+ ?%w* to %w+,", ".", flag,
                        "99999999999")
                end
            end
        end)

        it("the address that is none, whatever the flag", function()
            for _, flag in ipairs({ "http", "rpc", "admin" }) do
                for _, text in ipairs({ "127.0.0.1:99999", "1.2.3:80", "8080", "of" }) do
                    refuse("%-%-" .. flag .. " must be an address such as 127%.0%.0%.1:8080.*'"
                        .. text:gsub("%p", "%%%0") .. "'", ".", "--" .. flag, text)
                end
            end
            refuse("%-%-rpc must be .*, or off, got", ".", "--rpc", "on")
        end)

        it("what TLS for RPC wants besides", function()
            refuse("%-%-rpc%-tls is of use only with %-%-tls%-cert", ".", "--rpc-tls")
            refuse("%-%-rpc%-tls is of no use with %-%-rpc off", ".", "--rpc-tls", "--rpc", "off",
                "--tls-cert", "a.pem", "--tls-key", "a.key")
        end)

        it("the second directory", function()
            refuse("one directory is served, got also 'b'", "serve", "a", "b")
        end)
    end)

    describe("takes settings", function()
        it("from the environment, which a flag beats", function()
            folder:write("services/hello.lua", HELLO)
            local running = host.start({
                directory = folder:join("services"),
                environment = { PERIGEE_LOG_FORMAT = "json", PERIGEE_WORKERS = "3" },
            })
            assert.matches("1 worker\n", running:table())
            running:wait_for_log('^{.*"level":"info"')
        end)

        it("from a configuration file, which the environment beats", function()
            folder:write("services/hello.lua", HELLO)
            folder:write("settings.lua", [[return { log_format = "json", max_target = 64 }]])
            local running = host.start({
                directory = folder:join("services"),
                flags = { "--config", folder:join("settings.lua") },
                environment = { PERIGEE_LOG_FORMAT = "text" },
            })
            running:wait_for_log("INFO  hello")
            assert.equal(414, running:get("/" .. ("a"):rep(64)).status)
        end)

        it("but not from one with an unknown key, an error, or none", function()
            folder:write("services/hello.lua", HELLO)
            for text, pattern in pairs({
                ["return { worker = 2 }"] = "settings%.lua: there is no setting 'worker': "
                    .. "did you mean 'workers'%?",
                ["return {"] = "settings%.lua:1: ",
                ["return 3"] = "settings%.lua must return a table of settings, got number",
                ["return { drain = {} }"] = "settings%.lua: drain must be a time",
            }) do
                folder:write("settings.lua", text)
                local status, _, log = run("services", "--config", "settings.lua")
                assert.equal(2, status)
                assert.matches(pattern, log)
            end
            local status, _, log = run("services", "--config", "nowhere.lua")
            assert.equal(2, status)
            assert.matches("nowhere%.lua cannot be read: not_found", log)
        end)
    end)

    describe("check", function()
        it("loads every service and serves nothing", function()
            folder:write("services/hello.lua", HELLO)
            folder:write("services/shop/init.lua", [[
                return { http = require("lib.answer"), mount = "/buy" }
            ]])
            folder:write("services/lib/answer.lua", [[return function() return "" end]])
            local status, output, log = run("check", "services")
            assert.equal("", log)
            assert.equal("ok      services/hello.lua  /hello\n"
                .. "ok      services/shop/init.lua  /buy\n", output)
            assert.equal(0, status)
        end)

        it("takes the directory services when none is named", function()
            folder:write("services/hello.lua", HELLO)
            local status, output = run("check")
            assert.equal(0, status)
            assert.matches("^ok ", output)
        end)

        it("says what is wrong with each and ends with status 1", function()
            folder:write("services/a.lua", HELLO)
            folder:write("services/b.lua", "return {\n  http = }")
            folder:write("services/c.lua", "\nlocal x = nil + 1")
            folder:write("services/d.lua", [[return { mount = "/a" }]])
            folder:write("services/e.lua", [[return { mout = "/a" }]])
            folder:write("services/f.lua", [[require "lib.missing"]])
            local status, output = run("check", "services")
            assert.equal(1, status)
            assert.matches("ok      services/a.lua  /a\n", output)
            assert.matches("FAILED  services/b.lua\n +services/b.lua:2: ", output)
            assert.matches("FAILED  services/c.lua\n +services/c.lua:2: ", output)
            assert.matches('FAILED  services/d.lua\n +.*the mount "/a" is taken by services/a.lua',
                output)
            assert.matches("FAILED  services/e.lua\n +.*did you mean 'mount'%?", output)
            assert.matches("FAILED  services/f.lua\n +.*module 'lib.missing' was not found.*"
                .. "no file services/lib/missing.lua", output)
        end)

        it("ends with status 1 when there is no such directory", function()
            local status, _, log = run("check", "nowhere")
            assert.equal(1, status)
            assert.matches("there is no directory nowhere", log)
        end)
    end)

    describe("new", function()
        it("makes a service and its spec, which pass check and test", function()
            local status, output = run("new", "orders")
            assert.equal(0, status)
            assert.matches("made services/orders.lua\nmade spec/orders_spec.lua\n", output)
            assert.equal(0, (run("check")))
            local test_status, report, log = run("test")
            assert.equal("", log)
            assert.matches("1 success", report)
            assert.equal(0, test_status)
        end)

        it("leaves what is there", function()
            folder:write("services/orders.lua", HELLO)
            local status, _, log = run("new", "orders")
            assert.equal(1, status)
            assert.matches("services/orders.lua is there already", log)
            assert.equal(HELLO, folder:read("services/orders.lua"))
        end)

        it("refuses what cannot be a name, and to do without one", function()
            for _, name in ipairs({ "a/b", "../x", "1a", "a b" }) do
                local status, _, log = run("new", name)
                assert.equal(2, status)
                assert.matches("cannot be the name of a service", log)
            end
            assert.equal(2, (run("new")))
        end)
    end)

    describe("test", function()
        it("runs specs that wait, and ends with status 1 when one fails", function()
            folder:write("spec/a_spec.lua", [[
                local perigee = require "perigee"
                it("waits", function()
                    local before = perigee.now()
                    perigee.sleep(0.01)
                    assert.is_true(perigee.now() - before >= 0.01)
                end)
            ]])
            local status, output = run("test")
            assert.matches("1 success", output)
            assert.equal(0, status)
            folder:write("spec/b_spec.lua", [[it("fails", function() assert.equal(1, 2) end)]])
            local red_status, red_output, log = run("test")
            assert.matches("1 success.* / 1 failure", red_output)
            assert.equal("", log)
            assert.equal(1, red_status)
        end)

        it("ends with status 1 whatever a failing spec has left running", function()
            folder:write("spec/a_spec.lua", [[
                local perigee = require "perigee"
                local scheduler = require "perigee.core.scheduler"
                it("wakes whoever runs the specs when they are over", function()
                    local runner = scheduler.current()
                    perigee.go(function()
                        scheduler.wake(runner, runner.wait_id)
                    end)
                    error("and fails")
                end)
            ]])
            assert.equal(1, (run("test")))
        end)

        it("runs only the file that is named", function()
            folder:write("spec/a_spec.lua", [[it("passes", function() end)]])
            folder:write("spec/b_spec.lua", [[error("not this one")]])
            assert.equal(0, (run("test", "spec/a_spec.lua")))
            assert.equal(1, (run("test", "spec/b_spec.lua")))
        end)
    end)

    describe("status", function()
        it("shows services, workers and errors of a running host", function()
            local running = host.start({ services = {
                ["hello.lua"] = HELLO, ["broken.lua"] = "error('no')",
            } })
            local status, output = run("status", "--admin", running.admin)
            assert.equal(0, status)
            assert.matches("\n  hello +1 +live +/hello +0 +0 +%d+ KB +%S+ s +0 +0\n", output)
            assert.matches("\n  broken +%- +failed +%- +", output)
            assert.matches("\n  1 +%d+ +serving +0 +", output)
            assert.matches("broken failed last at .-\n +%S+broken%.lua:1: no\n", output)
        end)

        it("ends with status 1 when nobody answers", function()
            local status, _, log = run("status", "--admin", "unix:nobody")
            assert.equal(1, status)
            assert.matches("no answer from unix:nobody .*is perigee running", log)
        end)

        it("takes no other argument", function()
            local status, _, log = run("status", "hello")
            assert.equal(2, status)
            assert.matches("usage: perigee status", log)
        end)
    end)

    describe("reload", function()
        it("loads one service anew, or all", function()
            local running = host.start({ services = { ["a.lua"] = HELLO, ["b.lua"] = HELLO } })
            local status, output = run("reload", "a", "--admin", running.admin)
            assert.equal(0, status)
            assert.equal("ok      a, generation 2\n", output)
            status, output = run("reload", "--admin", running.admin)
            assert.equal(0, status)
            assert.equal("ok      a, generation 3\nok      b, generation 2\n", output)
        end)

        it("says what failed and ends with status 1", function()
            local running = host.start({ services = { ["a.lua"] = HELLO },
                flags = { "--no-watch" } })
            running:write("a.lua", "error('no')")
            local status, output = run("reload", "a", "--admin", running.admin)
            assert.equal(1, status)
            assert.matches("^FAILED  a, generation 1 stays\n +%S+a%.lua:1: no\n", output)
            local missing_status, _, log = run("reload", "c", "--admin", running.admin)
            assert.equal(1, missing_status)
            assert.matches("there is no service 'c'", log)
        end)
    end)
end)
