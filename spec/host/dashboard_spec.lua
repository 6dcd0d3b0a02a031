--- What the dashboard asks of the admin port. The page itself is specified in
-- dashboard_page_spec.lua.
local client = require "perigee.http.client"
local host = require "spec.support.host"
local json = require "perigee.json"
local seam = require "host"

local SERVICES = {
    ["shop.lua"] = [[
        local http = require "perigee.http"
        local rpc = require "perigee.rpc"
        local app = http.router()
        app:get("/items/:id", function(request) return { id = request.params.id } end)
        app:post("/items", function(request) return 201, request:json() end)
        app:get("/large", function() return ("x"):rep(300000) end)
        return { http = app, version = "1.2", rpc = { Shop = {
            Price = rpc.method { args = "string", reply = "int", doc = "What it costs.",
                fn = function(name) return #name end },
            Fail = function() error("out of stock") end,
        } } }
    ]],
}

local PAGE = { "index.html", "style.css", "icon.svg", "app.js", "dom.js", "services.js" }

describe("the dashboard", function()
    local running

    before_each(function()
        running = host.start({ services = SERVICES })
    end)

    after_each(host.stop_all)

    local function ask(method, target, body, fields)
        return running:request({ address = running.admin, method = method, target = target,
            body = body and json.encode(body), fields = fields })
    end

    local function try(kind, body, fields)
        local answer = ask("POST", "/try/" .. kind, body, fields)
        return json.decode(answer.body), answer.status
    end

    it("is a page that loads nothing from elsewhere and runs nothing that stands in it", function()
        local answer = ask("GET", "/")
        assert.equal(200, answer.status)
        assert.matches("^text/html", answer:header("content-type"))
        local policy = answer:header("content-security-policy")
        assert.matches("default%-src 'none'; script%-src 'self'; style%-src 'self'", policy)
        assert.is_nil(policy:find("unsafe", 1, true))
        assert.is_nil(answer.body:find("<script>", 1, true))
        assert.is_nil(answer.body:find(" style=", 1, true))
        assert.is_nil(answer.body:find("://", 1, true))
    end)

    it("comes in parts, each with its type, compressed for who likes that", function()
        for _, name in ipairs(PAGE) do
            local answer = ask("GET", "/dashboard/" .. name, nil, { "Accept-Encoding", "gzip" })
            assert.equal(200, answer.status, name)
            assert.equal("nosniff", answer:header("x-content-type-options"))
            if name ~= "icon.svg" then
                assert.equal("gzip", answer:header("content-encoding"), name)
            end
        end
        assert.matches("^text/javascript", ask("GET", "/dashboard/app.js"):header("content-type"))
    end)

    it("has no other files", function()
        for _, name in ipairs({ "nothing.js", "..", "%2e%2e%2finit.lua", "init.lua", "index",
            "page%2Findex.html" }) do
            assert.equal(404, ask("GET", "/dashboard/" .. name).status, name)
        end
    end)

    it("is told what there is once a second, and again when it has changed", function()
        local opened = assert(client.connect(running.admin))
        local seen = {}
        opened:request({ target = "/events", on_head = function(response)
            assert.equal("text/event-stream", response:header("content-type"))
            return true
        end, on_piece = function(bytes)
            seen[#seen + 1] = bytes
            local text = table.concat(seen)
            if not text:find("event: snapshot\ndata: [^\n]+\n\n") then
                return true
            elseif not running.is_reloaded then
                running.is_reloaded = true
                assert.equal(200, ask("POST", "/reload/shop").status)
            end
            return not text:find('"generation":2', 1, true)
        end })
        opened:close()
        local snapshot = json.decode(table.concat(seen):match("data: ([^\n]+)\n"))
        assert.equal("shop", snapshot.status.services[1].name)
        assert.is_number(snapshot.time)
    end)

    it("is followed by so many and no more", function()
        local peers = {}
        for i = 1, 32 do
            peers[i] = assert(client.connect(running.admin)).stream
            peers[i]:write("GET /events HTTP/1.1\r\nHost: " .. running.admin .. "\r\n\r\n")
            assert.matches("^HTTP/1.1 200", peers[i]:read())
        end
        local answer = ask("GET", "/events")
        assert.equal(503, answer.status)
        assert.equal("10", answer:header("retry-after"))
        peers[1]:close()
        running:wait_until(function()
            local peer = assert(client.connect(running.admin)).stream
            peer:write("GET /events HTTP/1.1\r\nHost: " .. running.admin .. "\r\n\r\n")
            local head = peer:read()
            peer:close()
            return head:find("^HTTP/1.1 200")
        end, "there is room again")
    end)

    it("sends a request to the port of the services", function()
        local answer = try("http", { method = "GET", target = "/shop/items/7" })
        assert.equal(200, answer.status)
        assert.equal('{"id":"7"}', answer.body)
        assert.is_number(answer.ms)
        answer = try("http", { method = "POST", target = "/shop/items", body = '{"a":1}' })
        assert.equal(201, answer.status)
        assert.same({ a = 1 }, json.decode(answer.body))
        answer = try("http", { method = "GET", target = "/shop/large" })
        assert.is_true(answer.is_cut)
        assert.equal(300000, answer.size)
        assert.equal(256 * 1024, #answer.body)
    end)

    it("calls a method at the port of RPC", function()
        assert.equal("5", try("rpc", { method = "Shop.Price", argument = '"bread"' }).reply)
        assert.matches("out of stock", json.encode(try("rpc", { method = "Shop.Fail" })))
        assert.matches("not_found", json.encode(try("rpc", { method = "Shop.Nothing" })))
    end)

    it("refuses to try what makes no sense", function()
        for _, body in ipairs({ { method = "GET" }, { method = "BREW", target = "/" },
            { method = "GET", target = "shop" }, { method = "GET", target = "/a b" },
            { method = "GET", target = "/\r\nX: y" }, { method = 1, target = "/" },
            { method = "POST", target = "/", body = "x", content_type = "a\r\nb: c" } }) do
            local answer, status = try("http", body)
            assert.equal(400, status, json.encode(body))
            assert.is_string(answer.error)
        end
        for _, body in ipairs({ { method = "Shop" }, { method = "Shop.Price", argument = "{" } }) do
            assert.equal(400, select(2, try("rpc", body)), json.encode(body))
        end
        assert.equal(400, ask("POST", "/try/http").status)
    end)

    it("does nothing for the pages of others", function()
        local body = { method = "GET", target = "/shop/items/7" }
        for _, fields in ipairs({ { "Origin", "http://evil.test" }, { "Origin", "null" } }) do
            assert.equal(403, select(2, try("http", body, fields)))
            assert.equal(403, select(2, try("rpc", body, fields)))
        end
        local own = { "Origin", "http://" .. running.admin }
        assert.equal(200, select(2, try("http", body, own)))
    end)

    it("knows methods with their types, and instances", function()
        local services = running:ask("GET", "/methods").services
        assert.equal("Shop", services[1].Name)
        assert.same({ Name = "Price", Args = "string", Reply = "int", Doc = "What it costs." },
            services[1].Methods[2])
        local instances = running:ask("GET", "/instances").instances
        assert.equal(2, #instances)
        for _, one in ipairs(instances) do
            assert.equal(1, one.generation)
            assert.equal("1.2", one.version)
        end
    end)

    it("shows the lines of a script around its error", function()
        assert.equal(404, select(2, running:ask("GET", "/source/shop")))
        assert.equal(404, select(2, running:ask("GET", "/source/nobody")))
        local lines = {}
        for i = 1, 20 do
            lines[i] = "-- line " .. i
        end
        lines[12] = "error('<b>no</b>')"
        running:write("shop.lua", table.concat(lines, "\n"))
        running:wait_until(function()
            return running:service("shop").last_error
        end, "the reload has failed")
        local source = running:ask("GET", "/source/shop")
        assert.equal(12, source.line)
        assert.matches("shop%.lua$", source.path)
        assert.equal(11, #source.lines)
        assert.same({ number = 7, text = "-- line 7" }, source.lines[1])
        assert.same({ number = 12, text = lines[12] }, source.lines[6])
    end)

    it("shows no file that the attempt did not read", function()
        running:write("shop.lua", "error('/etc/passwd:1: look', 0)")
        running:wait_until(function()
            return running:service("shop").last_error
        end, "the reload has failed")
        assert.equal(404, select(2, running:ask("GET", "/source/shop")))
    end)

    it("is 200 KB at most, and part of the program", function()
        local size, count = 0, 0
        local index = ask("GET", "/").body
        local pending, seen = { "app.js", "style.css", "icon.svg" }, {}
        while pending[1] do
            local name = table.remove(pending)
            if not seen[name] then
                seen[name], count = true, count + 1
                local answer = ask("GET", "/dashboard/" .. name, nil,
                    { "Accept-Encoding", "gzip" })
                size = size + #answer.body
                local text = ask("GET", "/dashboard/" .. name).body
                assert.equal(text, seam.asset("perigee/supervisor/dashboard/page/" .. name))
                for other in text:gmatch('from "%./([%w_]+%.js)"') do
                    pending[#pending + 1] = other
                end
            end
        end
        assert.is_true(count > 10)
        assert.is_true(size + #index < 200 * 1024, size)
    end)
end)
