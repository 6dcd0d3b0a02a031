local host = require "spec.support.host"
local json = require "perigee.json"

local SHOP = [[
local http = require "perigee.http"
local app = http.router()

app:get("/", function() return "shop" end)
app:get("/items/:id", function(request)
    return { id = request.params.id, colour = request.query.colour, all = request.query_all.colour }
end)
app:get("/files/*rest", function(request) return request.params.rest end)
app:post("/items", function(request)
    local item, code, detail = request:json()
    if not item then
        return http.body_error(code, detail)
    end
    return 201, { name = item.name }, { Location = "/shop/items/1" }
end)
app:put("/items/:id", function(request) return request:body() end)
app:post("/form", function(request) return { request:form().values } end)
app:get("/who", function(request)
    return { header = request:header("x-name"), cookie = request:cookie("user"),
        host = request.remote.host, asked = request:header("host") }
end)
app:get("/nothing", function(_, response) return response:no_content() end)

return { http = app }
]]

local ROOT = [[return { http = function(request) return "root " .. request.path end, mount = "/" }]]
local ORDERS = [[return { http = function() return "orders" end, mount = "/shop/orders" }]]

describe("a request", function()
    local running

    setup(function()
        running = host.start({ services = {
            ["shop.lua"] = SHOP, ["root.lua"] = ROOT, ["orders.lua"] = ORDERS,
        } })
    end)

    teardown(host.stop_all)

    local function ask(method, target, fields, body)
        return running:request({ method = method, target = target, fields = fields, body = body })
    end

    it("reaches the service with the longest mount", function()
        assert.equal("shop", running:body("/shop"))
        assert.equal("orders", running:body("/shop/orders"))
        assert.equal("root /shops", running:body("/shops"))
        assert.equal("root /", running:body("/"))
    end)

    it("gives its parameters and its query, decoded", function()
        assert.same({ id = "a b", colour = "red", all = { "red", "blue" } },
            running:json("/shop/items/a%20b?colour=red&colour=blue"))
        assert.equal("css/site.css", running:body("/shop/files/css/site.css"))
    end)

    it("carries JSON in and out", function()
        local answer = ask("POST", "/shop/items", { "Content-Type", "application/json" },
            '{"name": "l\195\182ffel"}')
        assert.equal(201, answer.status)
        assert.equal("application/json", answer:header("content-type"))
        assert.equal("/shop/items/1", answer:header("location"))
        assert.same({ name = "l\195\182ffel" }, json.decode(answer.body))
    end)

    it("with malformed JSON is answered with the place of the mistake", function()
        local answer = ask("POST", "/shop/items", {}, '{"name": }')
        assert.equal(400, answer.status)
        assert.matches("line 1", answer.body)
    end)

    it("carries a body of any bytes", function()
        local bytes = {}
        for i = 0, 255 do
            bytes[#bytes + 1] = string.char(i)
        end
        local body = table.concat(bytes):rep(1000)
        assert.equal(body, ask("PUT", "/shop/items/1", {}, body).body)
    end)

    it("carries forms, header fields, cookies and the client's address", function()
        local form = ask("POST", "/shop/form",
            { "Content-Type", "application/x-www-form-urlencoded" }, "a=1&b=x+y")
        assert.same({ { a = "1", b = "x y" } }, json.decode(form.body))
        local who = ask("GET", "/shop/who", { "X-Name", "Ann", "Cookie", "user=ann; other=1" })
        assert.same({ header = "Ann", cookie = "ann", host = "127.0.0.1", asked = running.http },
            json.decode(who.body))
    end)

    it("in absolute-form is for the host of its URL, not of its Host field", function()
        local answer = running:raw("GET http://inner:81/shop/who HTTP/1.1\r\nHost: outer\r\n"
            .. "Connection: close\r\n\r\n")
        assert.matches('"asked":"inner:81"', answer)
    end)

    it("in chunks is one body", function()
        local answer = running:raw("PUT /shop/items/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            .. "Transfer-Encoding: chunked\r\n\r\n"
            .. "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n")
        assert.matches("^HTTP/1.1 200 ", answer)
        assert.matches("\r\n\r\nabcdefg$", answer)
    end)

    it("of HEAD has the fields of a GET and no body", function()
        local got, asked = ask("GET", "/shop"), ask("HEAD", "/shop")
        assert.equal(200, asked.status)
        assert.equal("", asked.body)
        assert.equal(got:header("content-length"), asked:header("content-length"))
    end)

    it("of OPTIONS tells the methods", function()
        local answer = ask("OPTIONS", "/shop/items/1")
        assert.equal(204, answer.status)
        assert.equal("GET, HEAD, OPTIONS, PUT", answer:header("allow"))
    end)

    it("of OPTIONS for the whole server is answered", function()
        assert.matches("^HTTP/1.1 204 ",
            running:raw("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    end)

    it("with a method no route has is answered 405 and the methods there are", function()
        local answer = ask("DELETE", "/shop/items/1")
        assert.equal(405, answer.status)
        assert.equal("GET, HEAD, OPTIONS, PUT", answer:header("allow"))
    end)

    it("for a path no route has is answered 404", function()
        local answer = ask("GET", "/shop/cellar")
        assert.equal(404, answer.status)
        assert.same({ error = "Not Found" }, json.decode(answer.body))
    end)

    it("may be answered without a body", function()
        local answer = ask("GET", "/shop/nothing")
        assert.equal(204, answer.status)
        assert.is_nil(answer:header("content-length"))
    end)
end)
