local banner = require "perigee.supervisor.banner"

local ADDRESSES = { http = "127.0.0.1:8080", admin = "127.0.0.1:9180" }

describe("perigee.supervisor.banner", function()
    local function live(name, mount, routes, has_http)
        local manifest = { routes = {}, has_http = has_http ~= false }
        for i, pattern in ipairs(routes or {}) do
            manifest.routes[i] = { method = "GET", pattern = pattern }
        end
        return { name = name, place = { path = "services/" .. name .. ".lua" },
            live = { mount = mount, manifest = manifest } }
    end

    local function format(...)
        return banner.format("1.2.3", { ... }, ADDRESSES, 2)
    end

    it("is a table with the addresses below", function()
        assert.equal([[
perigee 1.2.3, 2 workers

  SERVICE  SCRIPT               ROUTES
  a        services/a.lua       GET /a, GET /a/x
  longer   services/longer.lua  GET /y

  http   http://127.0.0.1:8080/
  admin  http://127.0.0.1:9180/
]], format(live("a", "/a", { "/", "/x" }), live("longer", "/", { "/y" })))
    end)

    it("says https where TLS is spoken", function()
        local text = banner.format("1.2.3", {}, { https = "127.0.0.1:8443", admin = "[::1]:1" }, 2)
        assert.matches("\n  https  https://127.0.0.1:8443/\n", text)
        assert.matches("\n  admin  http://%[::1%]:1/\n$", text)
    end)

    it("counts one worker as one", function()
        assert.matches("^perigee 1%.2%.3, 1 worker\n", (banner.format("1.2.3", {}, ADDRESSES, 1)))
    end)

    it("shows a few of many routes", function()
        assert.matches("GET /1, GET /2, GET /3, GET /4, and 2 more\n",
            format(live("a", "/", { "/1", "/2", "/3", "/4", "/5", "/6" })))
    end)

    it("says what a service without a router answers", function()
        assert.matches("any request below /a\n", format(live("a", "/a")))
        assert.matches("services/a%.lua  \n", format(live("a", "/a", {}, false)))
    end)

    it("shows the first line of why a service failed", function()
        local text = format({ name = "a", place = { path = "services/a.lua" },
            last_error = { message = "services/a.lua:3: broken\nstack traceback:" } })
        assert.matches("services/a%.lua  FAILED: services/a%.lua:3: broken\n\n", text)
    end)
end)
