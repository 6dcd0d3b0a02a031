local http_error = require "perigee.http.http_error"
local json = require "perigee.json"
local request = require "perigee.http.request"

-- An exchange that counts what it is asked for.
local function exchange_of(options)
    local asked = {}
    local exchange = { asked = asked }
    local function answer(name, ...)
        local values = { n = select("#", ...), ... }
        exchange[name] = function()
            asked[name] = (asked[name] or 0) + 1
            return unpack(values, 1, values.n)
        end
    end
    answer("request_line", options.method or "GET", options.path or "/x", options.query, "/",
        "/x?target")
    answer("version", options.version or "1.1")
    answer("fields", options.fields or {})
    answer("peer", "192.0.2.1", 4711)
    answer("tls", unpack(options.tls or {}, 1, 4))
    answer("body", options.body, options.body_code)
    function exchange.field(_, name)
        asked.field = name
        return (options.field or {})[name]
    end
    return exchange
end

local function request_of(options)
    local exchange = exchange_of(options or {})
    return request.new(exchange, options and options.new_id), exchange.asked
end

describe("perigee.http.request", function()
    it("asks the exchange for the request line only", function()
        local asking, asked = request_of { method = "POST", path = "/a%20b" }
        assert.equal("POST", asking.method)
        assert.equal("/a%20b", asking.path)
        assert.equal("/x?target", asking.target)
        assert.equal("/", asking.mount)
        assert.equal("POST /a%20b", tostring(asking))
        assert.same({ request_line = 1 }, asked)
    end)

    it("has no fields that nobody set, and keeps those that somebody does", function()
        local asking = request_of()
        assert.is_nil(asking.user)
        asking.user = "ann"
        assert.equal("ann", asking.user)
    end)

    it("has empty params where the route has none", function()
        local asking = request_of()
        assert.same({}, asking.params)
        assert.equal(asking.params, asking.params)
    end)

    it("is https where TLS is spoken", function()
        local asking, asked = request_of { tls = { "TLSv1.3", "AES", "a.test", "CN=ann" } }
        assert.equal("https", asking.scheme)
        assert.same({ version = "TLSv1.3", cipher = "AES", sni = "a.test",
            client = { subject = "CN=ann" } }, asking.tls)
        assert.equal(1, asked.tls)
        assert.is_nil(request_of { tls = { "TLSv1.2", "AES" } }.tls.client)
    end)

    it("is http elsewhere", function()
        local asking = request_of()
        assert.equal("http", asking.scheme)
        assert.is_nil(asking.tls)
    end)

    describe("query", function()
        it("has the first and all values", function()
            local asking = request_of { query = "a=1&b=x+y%21&a=2" }
            assert.same({ a = "1", b = "x y!" }, asking.query)
            assert.same({ a = { "1", "2" }, b = { "x y!" } }, asking.query_all)
        end)

        it("is parsed once", function()
            local asking = request_of { query = "a=1" }
            assert.equal(asking.query, asking.query)
        end)

        it("is empty without a query", function()
            assert.same({}, request_of().query)
            assert.same({}, request_of({ query = "" }).query_all)
        end)

        for query, message in pairs {
            ["a=%"] = "the query has a malformed percent-encoding",
            [("a&"):rep(1001)] = "the query has too many names",
        } do
            it("answers 400 because " .. message, function()
                local asking = request_of { query = query }
                for _, key in ipairs { "query", "query_all" } do
                    local is_fine, failure = pcall(function() return asking[key] end)
                    assert.is_false(is_fine)
                    assert.is_true(http_error.is(failure))
                    assert.equal(400, failure.status)
                    assert.equal(message, failure.message)
                end
            end)
        end
    end)

    it("knows its version", function()
        assert.equal("1.1", request_of().version)
        assert.equal("1.0", request_of({ version = "1.0" }).version)
    end)

    it("knows the client's address", function()
        local asking, asked = request_of()
        assert.same({ host = "192.0.2.1", port = 4711 }, asking.remote)
        assert.equal(asking.remote, asking.remote)
        assert.equal(1, asked.peer)
    end)

    it("makes its id once", function()
        local count = 0
        local asking = request_of { new_id = function()
            count = count + 1
            return "id" .. count
        end }
        assert.equal("id1", asking.id)
        assert.equal("id1", asking.id)
    end)

    describe("headers", function()
        it("are asked for one by one", function()
            local asking, asked = request_of { field = { ["x-tag"] = "1, 2" } }
            assert.equal("1, 2", asking:header "X-Tag")
            assert.is_nil(asking:header "Accept")
            assert.equal("accept", asked.field)
            assert.is_nil(asked.fields)
        end)

        it("are all there", function()
            local fields = { "Host", "a", "X-Tag", "1", "x-tag", "2" }
            local asking, asked = request_of { fields = fields }
            assert.equal("1, 2", asking.headers["x-tag"])
            assert.same({ "1", "2" }, asking.headers:get_all "X-TAG")
            assert.equal(1, asked.fields)
        end)

        it("are asked for by name", function()
            local is_fine, message = pcall(function() return (request_of():header()) end)
            assert.is_false(is_fine)
            assert.matches("request_spec%.lua:%d+: request:header takes a name, not nil", message)
        end)
    end)

    it("has cookies", function()
        local asking = request_of { field = { cookie = "a=1; b=2, c=3" },
            fields = { "Cookie", "a=1; b=2", "cookie", "c=3" } }
        assert.equal("1", asking:cookie "a")
        assert.is_nil(asking:cookie "d")
        assert.same({ a = "1", b = "2", c = "3" }, asking.cookies)
    end)

    it("looks at no field when there is no cookie", function()
        local asking, asked = request_of()
        assert.same({}, asking.cookies)
        assert.is_nil(asked.fields)
    end)

    describe("body", function()
        it("is read once", function()
            local asking, asked = request_of { body = "hello" }
            assert.equal("hello", asking:body())
            assert.equal("hello", asking:body())
            assert.equal(1, asked.body)
        end)

        it("may be empty", function()
            local asking, asked = request_of { body = "" }
            assert.equal("", asking:body())
            assert.equal("", asking:body())
            assert.equal(1, asked.body)
        end)

        it("may fail, and then does so each time", function()
            local asking, asked = request_of { body_code = "too_large" }
            for _, method in ipairs { "body", "json", "form", "body" } do
                assert.same({ nil, "too_large" }, { asking[method](asking) })
            end
            assert.equal(1, asked.body)
        end)
    end)

    describe("json", function()
        it("does not ask for a Content-Type", function()
            assert.same({ a = { 1 } }, request_of({ body = '{"a":[1]}' }):json())
        end)

        it("gives null its own value", function()
            assert.equal(json.null, request_of({ body = "null" }):json())
        end)

        it("says where it is malformed", function()
            local value, code, detail = request_of({ body = '{"a":\n1,}' }):json()
            assert.is_nil(value)
            assert.equal("invalid", code)
            assert.equal("Expected object key string but found '}' at line 2, column 3", detail)
        end)

        it("says that there is no body", function()
            assert.same({ nil, "invalid", "the body is empty" },
                { request_of({ body = "" }):json() })
        end)
    end)

    describe("form", function()
        it("is parsed by its Content-Type", function()
            local form = request_of({ body = "a=1&a=2",
                field = { ["content-type"] = "application/x-www-form-urlencoded" } }):form()
            assert.equal("1", form.values.a)
            assert.same({ "1", "2" }, form.all.a)
        end)

        it("needs one", function()
            assert.same({ nil, "unsupported", "the Content-Type is not that of a form" },
                { request_of({ body = "a=1" }):form() })
        end)
    end)
end)
