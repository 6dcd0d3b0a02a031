-- Runs the Lua blocks of docs/http.md and asks the routes they define.
local http = require "perigee.http"
local lua_blocks = require "spec.support.lua_blocks"
local temporary = require "spec.support.temporary"
local testing = require "perigee.testing"

-- The page's blocks share `app` and `http`, as a reader takes them to; the first one is a service.
local app = http.router()
local services = {}
local environment = setmetatable({ app = app, http = http, describe = describe, it = it,
    assert = assert }, { __index = _G })

function environment.require(name)
    return services[name] or require(name)
end

-- Where the page would stand as a script.
local root

local function run(block)
    return setfenv(assert(loadstring(block, "@" .. root:join("http.md"))), environment)()
end

describe("docs/http.md", function()
    root = temporary.new()
    root:write("public/app.css", "p {}")
    teardown(function()
        root:destroy()
    end)

    local blocks = lua_blocks "docs/http.md"
    services["services.hello"] = run(blocks[1])
    for i = 2, #blocks do
        run(blocks[i])
    end
    local client = testing.client(app)

    it("logs in", function()
        local response = client:post "/login"
        assert.equal(303, response.status)
        assert.equal("/welcome", response.headers["location"])
        assert.equal("session=8f1c; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax",
            response.headers["set-cookie"])
    end)

    it("serves files", function()
        local response = client:get "/static/app.css"
        assert.equal("p {}", response.body)
        assert.equal("max-age=3600", response.headers["cache-control"])
    end)

    it("takes items", function()
        local response = client:post("/items", { json = { name = "lamp" } })
        assert.equal(201, response.status)
        assert.same({ id = 7, name = "lamp" }, response:json())
        assert.equal(400, client:post("/items", { body = "{" }).status)
    end)

    it("takes photos", function()
        local response = client:post("/photos", {
            headers = { ["Content-Type"] = "multipart/form-data; boundary=B" },
            body = '--B\r\nContent-Disposition: form-data; name="title"\r\n\r\nMoon\r\n'
                .. '--B\r\nContent-Disposition: form-data; name="f"; filename="m"\r\n\r\n123'
                .. "\r\n--B--",
        })
        assert.same({ title = "Moon", size = 3 }, response:json())
        assert.equal(415, client:post("/photos", { json = {} }).status)
    end)

    it("streams", function()
        assert.matches("^1\n2\n.*\n1000\n$", client:get("/export").body)
        assert.matches("^event: tick\nid: 1\ndata: several\ndata: lines\n\n",
            client:get("/ticks").body)
        assert.equal(3, client:post("/upload", { body = "abc" }):json().size)
    end)

    it("finds routes", function()
        assert.equal("7", client:get("/users/7"):json().id)
        assert.equal("me", client:get("/users/me"):json().id)
        assert.equal("a/b", client:get("/files/a/b").body)
        assert.equal(201, client:post("/notes").status)
    end)

    it("guards", function()
        local options = { headers = { Authorization = "Bearer sesame" } }
        assert.equal(401, client:get("/admin/whoami").status)
        assert.equal("ann", client:get("/admin/whoami", options).body)
        assert.equal(401, client:get("/secret").status)
        assert.equal("for ann", client:get("/secret", options).body)
    end)

    it("fails", function()
        assert.equal(404, client:get("/orders/8").status)
        assert.equal(200, client:get("/orders/7").status)
    end)

    it("runs without faults", function()
        assert.same({}, client.faults)
    end)
end)
