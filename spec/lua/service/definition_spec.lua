local definition = require "perigee.service.definition"
local http = require "perigee.http"

local function nothing() end

describe("perigee.service.definition", function()
    local function refuse(value, pattern)
        local is_ok, message = definition.check(value)
        assert.is_nil(is_ok)
        assert.matches(pattern, message)
    end

    it("accepts a service that has nothing, and one that has everything", function()
        assert.is_true(definition.check({}))
        assert.is_true(definition.check({
            http = http.router(), mount = "/a/b", start = nothing, stop = nothing, save = nothing,
            health = nothing, replicas = 1, limits = { memory = "64MB", drain = 3 },
            rpc = { Calculator = { Add = nothing } },
        }))
    end)

    it("accepts a function as http", function()
        assert.is_true(definition.check({ http = nothing }))
    end)

    it("refuses what is no table, and says what it is", function()
        refuse(nil, "a service must return a table such as { http = app }, "
            .. "this one returned nothing")
        refuse("x", 'this one returned "x"')
        refuse(true, "this one returned true")
        refuse(nothing, "this one returned a function")
    end)

    it("refuses an unknown key and names the nearest", function()
        refuse({ htpp = nothing }, "unknown key 'htpp': did you mean 'http'%?")
        refuse({ frobnicate = 1 },
            "unknown key 'frobnicate'; known are health, http, limits, log_level, metadata")
        refuse({ nothing }, "unknown key '1'")
    end)

    it("refuses values of the wrong kind", function()
        refuse({ http = 1 }, "^http must be a router or a function, got 1$")
        refuse({ http = {} }, "^http must be a router or a function, got a table$")
        refuse({ start = "x" }, '^start must be a function, got "x"$')
        refuse({ replicas = 2 }, '^replicas must be 1 or "worker", got 2$')
        refuse({ limits = 5 }, "^limits must be a table, got 5$")
        refuse({ rpc = { A = 1 } }, "^rpc%.A must be a table of functions, got 1$")
    end)

    it("refuses a declared method that rpc.method has not seen, but no other table", function()
        refuse({ rpc = { A = { Add = { args = "int", fn = nothing } } } },
            "^rpc%.A%.Add is a plain table: declare it with rpc%.method { %.%.%. }$")
        local declared = require("perigee.rpc").method { args = "int", fn = nothing }
        assert.is_true(definition.check({ rpc = { A = { Add = declared, known = { 1, 2 } } } }))
    end)

    it("refuses a mount that is no path", function()
        for _, mount in ipairs({ "", "a", "/a/", "//a", "/a//b", "/a b", "/a?b", "/a#b", "/%41",
            1 }) do
            refuse({ mount = mount }, "^mount must be a path such as \"/orders\"")
        end
        for _, mount in ipairs({ "/", "/a", "/a/b", "/a-b_c.d~e" }) do
            assert.is_true(definition.check({ mount = mount }))
        end
    end)

    it("refuses limits that are none", function()
        refuse({ limits = { memroy = 1 } }, "limits%.memroy is not a limit")
        refuse({ limits = { memory = "much" } }, "limits%.memory must be a size such as \"64MB\"")
        refuse({ limits = { drain = "1s" } }, "limits%.drain must be seconds")
    end)
end)
