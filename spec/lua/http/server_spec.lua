local http = require "perigee.http"
local server = require "perigee.http.server"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

-- An exchange without a network; `answers` collects what was sent.
local function exchange_of(options)
    local exchange = { answers = {} }
    function exchange.request_line()
        local path = options.path or "/x"
        return options.method or "GET", path, options.query, options.mount or "/",
            options.query and path .. "?" .. options.query or path
    end
    function exchange.field(_, name)
        return (options.fields or {})[name]
    end
    function exchange.body()
        return options.body or ""
    end
    function exchange.respond(_, status, lines, body)
        exchange.answers[#exchange.answers + 1] = { status = status, lines = lines, body = body }
        return true
    end
    return exchange
end

-- Dispatches one request; returns the only answer, the log's entries and what dispatch returned.
local function dispatch(app, options, server_options)
    local entries = {}
    local log = { error = function(message, fields)
        entries[#entries + 1] = { message = message, fields = fields }
    end }
    local serving = server.new(app, {
        log = log,
        new_id = function() return "0123456789abcdef" end,
        is_developing = server_options and server_options.is_developing,
    })
    local exchange = exchange_of(options or {})
    local returned = { serving:dispatch(exchange) }
    assert.equal(1, #exchange.answers)
    return exchange.answers[1], entries, returned
end

local function failing()
    local missing = nil
    return missing.field
end

local FAULT = HERE .. ":" .. debug.getinfo(failing, "S").linedefined + 2
    .. ": attempt to index local 'missing' (a nil value)"

describe("perigee.http.server", function()
    it("answers by a function", function()
        local answer, entries, returned = dispatch(function(request)
            return { path = request.path }
        end)
        assert.equal(200, answer.status)
        assert.equal("Content-Type: application/json\r\n", answer.lines)
        assert.equal('{"path":"/x"}', answer.body)
        assert.same({}, entries)
        assert.same({ 200 }, returned)
    end)

    it("answers by a router, and says which route it was", function()
        local app = http.router()
        app:get("/users/:id", function(request)
            return 201, { id = request.params.id, route = request.route }
        end)
        local answer, _, returned = dispatch(app, { path = "/users/7" })
        assert.same({ id = "7", route = "/users/:id" }, require("perigee.json").decode(answer.body))
        assert.same({ 201, "/users/:id" }, returned)
    end)

    it("answers each request anew, whether its handler sees the response or not", function()
        local app = http.router()
        local function with_field(next_handler)
            return function(request, response)
                response:header("X-Middleware", "1")
                return next_handler(request, response)
            end
        end
        app:get("/refused", function() return 404, "refused", { ["X-Own"] = "1" } end)
        app:get("/broken", function() error("broken") end)
        app:get("/plain", function() return "plain" end)
        app:get("/any", function(...) return (select(2, ...):header("X-Any", "1")) end)
        app:get("/within", with_field, function() return "within" end)
        local serving = server.new(app, { log = { error = function() end },
            new_id = function() return "id" end })
        local function ask(path)
            local exchange = exchange_of({ path = path })
            serving:dispatch(exchange)
            assert.equal(1, #exchange.answers)
            return exchange.answers[1].status, exchange.answers[1].lines
        end
        local text = "Content-Type: text/plain; charset=utf-8\r\n"
        for _ = 1, 2 do
            assert.same({ 404, "X-Own: 1\r\n" .. text }, { ask("/refused") })
            assert.same({ 200, text }, { ask("/plain") })
            assert.equal(500, (ask("/broken")))
            assert.same({ 200, text }, { ask("/plain") })
            assert.same({ 200, "X-Any: 1\r\n" }, { ask("/any") })
            assert.same({ 200, "X-Middleware: 1\r\n" .. text }, { ask("/within") })
        end
    end)

    it("refuses what is neither", function()
        for _, app in ipairs { {}, "x", 5, http.router():group "/a" } do
            local is_fine, message = pcall(server.new, app, {})
            assert.is_false(is_fine)
            assert.equal("http must be a router or a function, not a " .. type(app), message)
        end
    end)

    it("routes below the mount", function()
        local app = http.router()
        app:get("/", function() return "root" end)
        app:get("/a", function(request) return request.path .. " " .. request.mount end)
        assert.equal("root", dispatch(app, { mount = "/m", path = "/m" }).body)
        assert.equal("root", dispatch(app, { mount = "/m", path = "/m/" }).body)
        assert.equal("/m/a /m", dispatch(app, { mount = "/m", path = "/m/a" }).body)
        assert.equal("/a /", dispatch(app, { mount = "/", path = "/a" }).body)
        assert.equal("root", dispatch(app, { mount = "/", path = "/" }).body)
        assert.equal(404, dispatch(app, { mount = "/m", path = "/m/m/a" }).status)
    end)

    it("redirects within the mount", function()
        local app = http.router()
        app:get("/a", function() return "a" end)
        local answer = dispatch(app, { mount = "/m", path = "/m/a/", query = "b=1&c=/" })
        assert.equal(308, answer.status)
        assert.equal("Location: /m/a?b=1&c=/\r\n", answer.lines)
        assert.equal("", answer.body)
    end)

    it("answers what has no route", function()
        local app = http.router()
        app:get("/x", function() return "x" end)
        local answer, entries, returned = dispatch(app, { path = "/y" })
        assert.equal(404, answer.status)
        assert.equal('{"error":"Not Found"}', answer.body)
        assert.same({}, entries)
        assert.same({ 404 }, returned)
        answer = dispatch(app, { path = "/%" })
        assert.equal(400, answer.status)
        assert.equal('{"error":"the path has a malformed percent-encoding"}', answer.body)
        answer = dispatch(app, { method = "DELETE" })
        assert.equal(405, answer.status)
        assert.equal("Allow: GET, HEAD, OPTIONS\r\nContent-Type: application/json\r\n",
            answer.lines)
        answer = dispatch(app, { method = "OPTIONS" })
        assert.equal(204, answer.status)
        assert.equal("Allow: GET, HEAD, OPTIONS\r\n", answer.lines)
        assert.equal(404, dispatch(app, { method = "OPTIONS", path = "*" }).status)
    end)

    it("answers HEAD as GET and leaves it to the host to drop the body", function()
        local app = http.router()
        app:get("/x", function(request) return request.method end)
        assert.equal("HEAD", dispatch(app, { method = "HEAD" }).body)
    end)

    it("answers a malformed query when the handler asks for it", function()
        local function handler(request)
            return request.query
        end
        local answer, entries = dispatch(handler, { query = "a=%" })
        assert.equal(400, answer.status)
        assert.equal('{"error":"the query has a malformed percent-encoding"}', answer.body)
        assert.same({}, entries)
        assert.equal("fine", dispatch(function() return "fine" end, { query = "a=%" }).body)
    end)

    describe("with a handler that fails", function()
        it("answers 500 with the id that is in the log", function()
            local answer, entries, returned = dispatch(failing, { method = "POST" })
            assert.equal(500, answer.status)
            assert.equal("Content-Type: application/json\r\n", answer.lines)
            assert.same({ error = "Internal Server Error", id = "0123456789abcdef" },
                require("perigee.json").decode(answer.body))
            assert.equal(1, #entries)
            assert.equal(FAULT, entries[1].message)
            local fields = entries[1].fields
            assert.equal("0123456789abcdef", fields.request_id)
            assert.equal("POST", fields.method)
            assert.equal("/x", fields.path)
            assert.same({ 500 }, returned)
        end)

        it("logs the frames of the service and no others", function()
            local function inner()
                failing()
                return 1
            end
            local _, entries = dispatch(function()
                inner()
                return 2
            end)
            local traceback = entries[1].fields.traceback
            assert.matches("^stack traceback:\n", traceback)
            local _, frames = traceback:gsub("server_spec%.lua:%d+", "")
            assert.is_true(frames >= 3)
            assert.is_nil(traceback:find("perigee/http/server.lua", 1, true))
            assert.is_nil(traceback:find("busted", 1, true))
        end)

        it("drops what was set for the answer that failed", function()
            local answer = dispatch(function(_, response)
                response:status(201):header("Cache-Control", "public"):cookie("a", "1")
                failing()
            end)
            assert.equal(500, answer.status)
            assert.equal("Content-Type: application/json\r\n", answer.lines)
        end)

        it("sends nothing more when the request was answered", function()
            local answer, entries, returned = dispatch(function(_, response)
                response:send "fine"
                failing()
            end)
            assert.equal("fine", answer.body)
            assert.equal(FAULT, entries[1].message)
            assert.same({ 200 }, returned)
        end)

        it("logs an error answer that came too late", function()
            local answer, entries = dispatch(function(_, response)
                response:send "fine"
                error(http.error(404, "oh"))
            end)
            assert.equal("fine", answer.body)
            assert.equal("404: oh was raised after the request was answered", entries[1].message)
        end)

        it("logs an error answer with fields that cannot be sent", function()
            local answer, entries = dispatch(function()
                error(http.error(404, "oh", { Date = "today" }))
            end)
            assert.equal(500, answer.status)
            assert.equal("the header Date is the host's to set", entries[1].message)
        end)

        it("shows errors of every kind", function()
            local function logged(value)
                local _, entries = dispatch(function() error(value, 0) end)
                return entries[1].message
            end
            assert.equal("text", logged "text")
            assert.equal("nil", logged(nil))
            assert.equal("42", logged(42))
            assert.matches("^table: ", logged {})
            assert.equal("shown",
                logged(setmetatable({}, { __tostring = function() return "shown" end })))
            assert.equal("an error that cannot be shown",
                logged(setmetatable({}, { __tostring = function() error("again") end })))
        end)

        it("survives a stack overflow", function()
            local function deeper()
                return 1 + deeper()
            end
            local answer, entries = dispatch(function() return { deeper() } end)
            assert.equal(500, answer.status)
            assert.matches("stack overflow", entries[1].message)
        end)
    end)

    describe("while developing", function()
        local developing = { is_developing = true }

        it("shows message and traceback as text", function()
            local answer = dispatch(failing, {}, developing)
            assert.equal(500, answer.status)
            assert.equal("Content-Type: text/plain; charset=utf-8\r\n", answer.lines)
            local start = "GET /x\n\n" .. FAULT .. "\n\nstack traceback:\n"
            assert.equal(start, answer.body:sub(1, #start))
            assert.matches("\n\nrequest 0123456789abcdef\n$", answer.body)
        end)

        it("shows a page to browsers and escapes what is on it", function()
            local answer = dispatch(function() error("<script>alert('x') & \"y\"</script>", 0) end,
                {
                path = "/<b>",
                fields = { accept = "text/html,application/xhtml+xml;q=0.9" },
            }, developing)
            assert.equal("Content-Type: text/html; charset=utf-8\r\n", answer.lines)
            assert.is_nil(answer.body:find("<script>", 1, true))
            assert.is_nil(answer.body:find("<b>", 1, true))
            assert.is_truthy(answer.body:find(
                "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;", 1, true))
            assert.is_truthy(answer.body:find("<h1>GET /&lt;b&gt;</h1>", 1, true))
            assert.is_truthy(answer.body:find("0123456789abcdef", 1, true))
        end)

        it("shows percent signs as they are", function()
            local answer = dispatch(function() error("100%s %d", 0) end, {
                fields = { accept = "text/html" } }, developing)
            assert.is_truthy(answer.body:find("100%s %d", 1, true))
        end)

        it("shows what is wrong with an answer, which has no traceback", function()
            local answer = dispatch(function() end, {}, developing)
            assert.matches("^GET /x\n\n.*: the handler of GET /x returned nothing and sent nothing"
                .. "\n\nrequest 0123456789abcdef\n$", answer.body)
        end)

        it("shows error answers as ever", function()
            assert.equal('{"error":"oh"}',
                dispatch(function() return http.error(404, "oh") end, {}, developing).body)
        end)
    end)

    describe("with middleware", function()
        it("can answer in place of the handler", function()
            local app = http.router()
            app:use(function(next)
                return function(request, response)
                    if not request:header "authorization" then
                        return http.error(401, nil, { ["WWW-Authenticate"] = "Bearer" })
                    end
                    request.user = "ann"
                    return next(request, response)
                end
            end)
            app:get("/x", function(request) return "hello " .. request.user end)
            local answer = dispatch(app)
            assert.equal(401, answer.status)
            assert.matches("WWW%-Authenticate: Bearer\r\n", answer.lines)
            assert.equal("hello ann", dispatch(app, { fields = { authorization = "x" } }).body)
            assert.equal(401, dispatch(app, { path = "/nowhere" }).status)
        end)

        it("can add to what the handler answers", function()
            local app = http.router()
            app:use(function(next)
                return function(request, response)
                    response:header("X-Before", "1")
                    local first, second, third = next(request, response)
                    response:header("X-After", "2")
                    return first, second, third
                end
            end)
            app:get("/x", function() return 201, { a = 1 }, { ["X-Mine"] = "3" } end)
            local answer = dispatch(app)
            assert.equal(201, answer.status)
            assert.equal("X-Before: 1\r\nX-After: 2\r\nX-Mine: 3\r\n"
                .. "Content-Type: application/json\r\n", answer.lines)
            assert.equal('{"a":1}', answer.body)
        end)

        it("can catch error answers", function()
            local app = http.router()
            app:use(function(next)
                return function(request, response)
                    local is_fine, result = pcall(next, request, response)
                    return not is_fine and http.is_error(result) and "caught "
                        .. result.message or result
                end
            end)
            app:get("/x", function() error(http.error(404, "it")) end)
            assert.equal("caught it", dispatch(app).body)
        end)

        it("names the handler, not the middleware, when nothing was answered", function()
            local app = http.router()
            app:use(function(next)
                return function(...)
                    return next(...)
                end
            end)
            local function silent() end
            app:get("/x", silent)
            local _, entries = dispatch(app)
            assert.equal(("%s:%d: the handler of GET /x returned nothing and sent nothing")
                :format(HERE, debug.getinfo(silent, "S").linedefined), entries[1].message)
        end)
    end)
end)
