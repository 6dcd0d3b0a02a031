--- The services of docs/resilience.md, in a host, and the settings its tables name.
local destination_settings = require "perigee.destination.settings"
local host = require "spec.support.host"
local lua_blocks = require "spec.support.lua_blocks"

describe("docs/resilience.md", function()
    local blocks = lua_blocks "docs/resilience.md"

    teardown(host.stop_all)

    it("has services that run", function()
        local running = host.start { services = { ["front.lua"] = blocks[1],
            ["shop.lua"] = blocks[2], ["cached.lua"] = blocks[3],
            ["users.lua"] = [[
                local http = require "perigee.http"
                local app = http.router()
                app:get("/42", function() return "Ann" end)
                app:get("/healthz", function() return "ok" end)
                return { http = app }
            ]],
            ["prices.lua"] = [[
                return { rpc = { Prices = { Get = function(item) return #item end } } }
            ]] } }
        running:wait_for_body("/users/42", "Ann")
        local answer = running:request({ method = "POST", target = "/rpc/Shop.Total",
            body = '{"item":"lamp","count":3}',
            fields = { "Content-Type", "application/json" } })
        assert.equal("12", answer.body)
        assert.equal(503, running:get("/cached/cached/a").status)
    end)

    it("names every part and option there is, with its default", function()
        local page = assert(io.open("docs/resilience.md")):read("*a")
        local all = assert(destination_settings.of_destination({ retries = true, hedge = true,
            health = { tcp = true } }))
        for name, part in pairs(all) do
            local line = page:match("\n| `" .. name .. "`([^\n]*)")
            if type(part) == "table" and name ~= "idempotent" then
                for setting, value in pairs(part) do
                    assert.truthy(line and line:find("`" .. setting, 1, true), name .. setting)
                    local text = tostring(value):gsub("(%d)(%d%d%d)$", "%1,%2")
                    assert.truthy(value == true or line:find(text, 1, true),
                        name .. "." .. setting .. " = " .. text)
                end
            end
        end
    end)
end)
