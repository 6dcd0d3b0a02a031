--- Who may ask the admin port.
local admin_guard = require "perigee.supervisor.admin_guard"
local base64 = require "perigee.core.base64"
local host = require "spec.support.host"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local TOKEN = "0123456789abcdef-of-a-spec"

describe("the admin port", function()
    local folder

    before_each(function()
        folder = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        folder:destroy()
    end)

    local function start(...)
        return host.start({ services = { ["idle.lua"] = "return {}" }, flags = { ... } })
    end

    local function start_with_token()
        folder:write("token", TOKEN .. "\n")
        return start("--admin-token-file", folder:join("token"))
    end

    local function ask(running, target, fields, method)
        return running:request({ address = running.admin, method = method, target = target,
            fields = fields })
    end

    describe("with a token", function()
        it("is asked by whoever shows it, as a bearer or as a password", function()
            local running = start_with_token()
            for _, shown in ipairs({ "Bearer " .. TOKEN, "bearer " .. TOKEN,
                "Basic " .. base64.encode("anybody:" .. TOKEN) }) do
                assert.equal(200, ask(running, "/status", { "Authorization", shown }).status)
            end
        end)

        it("tells nobody else anything but that it is alive and ready", function()
            local running = start_with_token()
            for _, shown in ipairs({ "Bearer " .. TOKEN .. "x", "Bearer x", "Bearer ", "Bearer",
                "Basic " .. base64.encode(TOKEN), "Basic !", "Digest " .. TOKEN, TOKEN,
                "Bearer " .. TOKEN:sub(1, -2) }) do
                local answer = ask(running, "/status", { "Authorization", shown })
                assert.equal(401, answer.status, shown)
                assert.matches("^Basic realm=", answer.fields:get("www-authenticate"))
            end
            for _, target in ipairs({ "/", "/status", "/metrics", "/tasks?service=idle",
                "/nothing" }) do
                assert.equal(401, ask(running, target).status, target)
            end
            assert.equal(401, ask(running, "/reload", nil, "POST").status)
            assert.equal(200, ask(running, "/healthz").status)
            assert.equal(200, ask(running, "/readyz").status)
            assert.is_nil(running:log():find(TOKEN, 1, true))
        end)

        it("is asked by the command line with the same file", function()
            local running = start_with_token()
            local status, output = program.run({ "status", "--admin", running.admin,
                "--admin-token-file", folder:join("token") })
            assert.equal(0, status)
            assert.matches("idle", output)
            local refused, _, log = program.run({ "status", "--admin",
                running.admin })
            assert.equal(1, refused)
            assert.matches("wants a token: %-%-admin%-token%-file FILE", log)
        end)

        it("wants one that cannot be guessed, in a file that is there", function()
            folder:write("token", "short\n")
            local _, message = pcall(start, "--admin-token-file", folder:join("token"))
            assert.matches("must hold one word of 16 characters or more", message)
            _, message = pcall(start, "--admin-token-file", folder:join("none"))
            assert.matches("%-%-admin%-token%-file %S+none cannot be read: not_found", message)
        end)
    end)

    it("takes nothing from a page of another site", function()
        local running = start()
        local function origin(text)
            return ask(running, "/reload", { "Origin", text }, "POST").status
        end
        assert.equal(403, origin("http://evil.example"))
        assert.equal(403, origin("null"))
        assert.equal(403, origin("https://" .. running.admin))
        assert.equal(200, origin("http://" .. running.admin))
        assert.equal(200, ask(running, "/reload", nil, "POST").status)
    end)

    it("does not answer to a name that somebody has had point to it", function()
        local running = start()
        local function to(name)
            return tonumber(running.read_all((function()
                local peer = assert(require("perigee.core.stream").connect(running.admin))
                peer:write(("GET /status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n")
                    :format(name))
                return peer
            end)()):match("^HTTP/1.1 (%d+)"))
        end
        assert.equal(403, to("evil.example"))
        assert.equal(403, to("evil.example:9180"))
        assert.equal(403, to("127.0.0.1.evil.example"))
        assert.equal(200, to("localhost:9180"))
        assert.equal(200, to("127.0.0.1"))
        assert.equal(200, to("[::1]:9180"))
    end)

    it("knows which addresses others reach", function()
        for _, address in ipairs({ "127.0.0.1:9180", "localhost:1", "[::1]:9180", "127.9.9.9:1",
            "unix:/run/admin" }) do
            assert.is_true(admin_guard.is_local(address), address)
        end
        for _, address in ipairs({ "0.0.0.0:9180", ":9180", "[::]:1", "10.0.0.1:1" }) do
            assert.is_false(admin_guard.is_local(address), address)
        end
    end)
end)
