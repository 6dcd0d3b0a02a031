-- Runs the Lua blocks of docs/http-client.md, whose example.test is a service of a running host.
local host = require "spec.support.host"
local http = require "perigee.http"
local lua_blocks = require "spec.support.lua_blocks"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()

app:get("/users/42", function()
    return { name = "Ann" }
end)

app:get("/users", function(request)
    return { request.query.name, request:header("authorization") }
end)

app:post("/users", function(request, response)
    response:status(201)
    return request:json()
end)

app:get("/export", function()
    return ("x"):rep(300000)
end)

app:post("/count", function(request)
    local count = 0
    for chunk in request:chunks() do
        count = count + select(2, chunk:gsub("\n", ""))
    end
    return tostring(count)
end)

return { http = app, mount = "/" }
]]

describe("docs/http-client.md", function()
    local found

    setup(function()
        local running = host.start({ services = { ["users.lua"] = SERVICE } })
        local environment = setmetatable({}, { __index = _G })

        local function here(url)
            return (url:gsub("^http://example%.test", "http://" .. running.http))
        end

        local function redirected(client)
            return setmetatable({}, { __index = function(_, name)
                return function(_, url, ...)
                    return client[name](client, here(url), ...)
                end
            end })
        end

        function environment.require(name)
            if name ~= "perigee.http" then
                return require(name)
            end
            return {
                get = function(url, options)
                    return http.get(here(url), options)
                end,
                post = function(url, body, options)
                    return http.post(here(url), body, options)
                end,
                client = function(options)
                    return redirected(http.client(options))
                end,
            }
        end

        -- The page's blocks share what they declare, as a reader takes them to.
        local page = table.concat(lua_blocks "docs/http-client.md") .. "\nreturn { user = user, "
            .. "created = created, found = found, size = size, counted = counted }"
        found = setfenv(assert(loadstring(page, "@docs/http-client.md")), environment)()
    end)

    teardown(host.stop_all)

    it("asks, with and without a client of its own", function()
        assert.equal("Ann", found.user.name)
        assert.same({ 201, "Ann" }, { found.created.status, found.created:json().name })
        assert.same({ "Ann", "Bearer open-sesame" }, found.found:json())
    end)

    it("reads and sends bodies in pieces", function()
        assert.equal(300000, found.size)
        assert.equal("1000", found.counted:text())
    end)
end)
