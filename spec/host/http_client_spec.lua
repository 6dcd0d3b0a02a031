--- http.client inside of services.
local authority = require "spec.support.authority"
local host = require "spec.support.host"
local seam = require "host"
local temporary = require "spec.support.temporary"

local FRONT = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local clients = {}

local function answer(response, code, detail)
    return response and { status = response.status, text = response:text() }
        or { code = code, detail = detail }
end

app:post("/fetch", function(request)
    return answer(http.get(request:body()))
end)

app:post("/secure", function(request)
    clients.secure = clients.secure or http.client { tls = { ca_file = "ca.pem" } }
    return answer(clients.secure:get(request:body()))
end)

app:post("/proxied", function(request)
    local client = http.client { proxy = "environment" }
    return answer(client:get(request:body()))
end)

app:post("/copy", function(request, response)
    local found = assert(http.get(request:body(), { stream = true }))
    for chunk in found:chunks() do
        response:write(chunk)
    end
    response:finish()
end)

return { http = app, mount = "/" }
]]

local BACK = [[
local http = require "perigee.http"
local app = http.router()
app:get("/hello", function(request) return "hello from " .. request.scheme end)
app:get("/large", function() return ("0123456789"):rep(500000) end)
return { http = app, mount = "/back" }
]]

describe("http.client in a service", function()
    local root, certificates

    setup(function()
        root = temporary.new()
        certificates = authority.new(root)
        certificates:make("server", "DNS:a.test,IP:127.0.0.1")
    end)

    teardown(function()
        root:destroy()
    end)

    after_each(host.stop_all)

    local function start(flags, environment, has_no_grants)
        local pem = assert(seam.read_file(certificates:path("server.pem"), 100000))
        return host.start({ services = { ["front/init.lua"] = FRONT, ["front/ca.pem"] = pem,
            ["back.lua"] = BACK }, flags = flags, environment = environment,
            has_no_grants = has_no_grants })
    end

    local function ask(running, path, url)
        return require("perigee.json").decode(running:post(path, url).body)
    end

    it("asks other services", function()
        local running = start {}
        local url = "http://" .. running.http .. "/back/hello"
        for _ = 1, 3 do
            assert.same({ status = 200, text = "hello from http" }, ask(running, "/fetch", url))
        end
        assert.equal(5000000, #running:post("/copy",
            "http://" .. running.http .. "/back/large").body)
    end)

    it("needs a grant", function()
        local running = start({}, nil, true)
        local answer = ask(running, "/fetch", "http://" .. running.admin .. "/status")
        assert.equal("denied", answer.code)
        assert.is_truthy(answer.detail:find("needs a grant: --allow-network", 1, true))
    end)

    it("believes who a file beside its script says", function()
        local secure = start(certificates:flags("server"))
        local running = start {}
        local url = "https://" .. secure.http .. "/back/hello"
        for _ = 1, 2 do
            assert.same({ status = 200, text = "hello from https" },
                ask(running, "/secure", url))
        end
        assert.same({ code = "untrusted", detail = url .. ": the certificate is not to be "
            .. "believed: self-signed certificate" }, ask(running, "/fetch", url))
    end)

    it("finds proxies in the environment when it may look there", function()
        local proxy = start {}
        local flags = { "--allow-env", "http_proxy" }
        local running = start(flags, { http_proxy = "http://" .. proxy.http })
        -- The other host does not know what a proxy is, and takes the path alone.
        assert.same({ status = 200, text = "hello from http" },
            ask(running, "/proxied", "http://a.test/back/hello"))
        running = start {}
        local answer = running:post("/proxied", "http://a.test/back/hello")
        assert.equal(500, answer.status)
        running:wait_for_log("http.client: reading the environment variable http_proxy needs")
    end)
end)
