local http = require "perigee.http"
local testing = require "perigee.testing"

-- A service that says what it was asked.
local function echo(request)
    local form = request:form()
    return {
        method = request.method,
        path = request.path,
        query = request.query_all,
        body = request:body(),
        content_type = request:header "content-type",
        host = request:header "host",
        tags = request:header "x-tag",
        form = form and form.all,
        remote = request.remote.host,
        fields = { request.headers:text() },
    }
end

local function message_of(run)
    local is_fine, message = pcall(run)
    assert.is_false(is_fine)
    return message
end

describe("perigee.testing", function()
    it("sends requests of each method", function()
        local client = testing.client(echo)
        for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
            assert.equal(method, client[method:lower()](client, "/x"):json().method)
        end
        assert.equal("PROPFIND", client:request("PROPFIND", "/x"):json().method)
    end)

    it("drops the body of an answer to HEAD", function()
        local client = testing.client(function() return "x" end)
        assert.equal("", client:head("/").body)
        assert.equal(200, client:head("/").status)
    end)

    it("sends a query", function()
        local client = testing.client(echo)
        assert.same({ a = { "1" }, b = { "x y", "2" } },
            client:get("/x?a=1", { query = { b = { "x y", 2 } } }):json().query)
        assert.same({ b = { "1" } }, client:get("/x", { query = { b = 1 } }):json().query)
        assert.same({}, client:get("/x?"):json().query)
    end)

    it("sends headers", function()
        local got = testing.client(echo):get("/", { headers = { Host = "a.example",
            ["X-Tag"] = { "1", "2" } } }):json()
        assert.equal("a.example", got.host)
        assert.equal("1, 2", got.tags)
        assert.equal("localhost", testing.client(echo):get("/"):json().host)
    end)

    it("sends bodies", function()
        local client = testing.client(echo)
        local got = client:post("/", { body = "raw" }):json()
        assert.equal("raw", got.body)
        assert.is_nil(got.content_type)
        got = client:post("/", { json = { a = 1 } }):json()
        assert.equal('{"a":1}', got.body)
        assert.equal("application/json", got.content_type)
        got = client:post("/", { json = false, headers = { ["content-type"] = "text/x" } }):json()
        assert.equal("false", got.body)
        assert.equal("text/x", got.content_type)
        got = client:post("/", { form = { a = { "1", "&" } } }):json()
        assert.same({ a = { "1", "&" } }, got.form)
        assert.equal("application/x-www-form-urlencoded", got.content_type)
    end)

    it("gives a response with status, headers and body", function()
        local response = testing.client(function()
            return 201, "made", { Location = "/x/1" }
        end):post("/x")
        assert.equal(201, response.status)
        assert.equal("/x/1", response.headers["location"])
        assert.equal("made", response.body)
    end)

    it("takes routers, and services with their mount", function()
        local app = http.router()
        app:get("/hello/:name", function(request) return "Hello, " .. request.params.name end)
        assert.equal("Hello, Ann", testing.client(app):get("/hello/Ann").body)
        local service = testing.client { http = app, mount = "/greetings" }
        assert.equal("Hello, Ann", service:get("/greetings/hello/Ann").body)
        assert.equal("Hello, Ann", testing.client({ http = app }):get("/hello/Ann").body)
    end)

    it("shows the fault of a handler that fails", function()
        local client = testing.client(function() error "oh" end)
        local response = client:get("/")
        assert.equal(500, response.status)
        assert.matches("init_spec%.lua:%d+: oh\n\nstack traceback:", response.body)
        assert.matches("init_spec%.lua:%d+: oh$", client.faults[1])
        assert.equal(1, #client.faults)
    end)

    it("keeps the first answer of an exchange only", function()
        local client = testing.client(function(_, response)
            response:send "a"
            assert.same({ nil, "answered" }, { response._exchange:respond(200, "", "b") })
        end)
        assert.equal("a", client:get("/").body)
        assert.same({}, client.faults)
    end)

    describe("refuses, in the line of the caller,", function()
        local client = testing.client(echo)

        it("unknown options", function()
            assert.matches("init_spec%.lua:%d+: header is not a request option "
                .. "%(headers, query, body, json, form%)$",
                message_of(function() client:get("/", { header = {} }) end))
            assert.matches("init_spec%.lua:%d+: ",
                message_of(function() client:request("GET", "/", { header = {} }) end))
        end)

        it("paths no client could send", function()
            for _, path in ipairs { "x", "", "/a b", "/a\r\n", 5 } do
                assert.matches("init_spec%.lua:%d+: a path begins with / and has no white",
                    message_of(function() client:get(path) end))
            end
        end)

        it("JSON that is none", function()
            assert.matches("init_spec%.lua:%d+: the body is not JSON: Expected value but",
                message_of(function()
                    local response = testing.client(function() return "x" end):get("/")
                    return (response:json())
                end))
        end)
    end)
end)
