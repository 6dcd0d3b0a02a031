local http_error = require "perigee.http.http_error"
local router = require "perigee.http.router"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

local function here(offset)
    return ("%s:%d"):format(HERE, debug.getinfo(2, "l").currentline + (offset or 0))
end

local function nothing()
    return {}
end

-- A handler that can be told from others.
local function named(name)
    return function()
        return name
    end
end

local function message_of(run, ...)
    local is_fine, message = pcall(run, ...)
    assert.is_false(is_fine)
    return message
end

-- "name key=value ..." of what answers, or the status.
local function found(app, method, path)
    app:seal()
    local route, params = app:match(method, path)
    if not route then
        return params
    end
    local pieces = {}
    for key, value in pairs(params or {}) do
        pieces[#pieces + 1] = key .. "=" .. value
    end
    table.sort(pieces)
    return table.concat({ route.run(), unpack(pieces) }, " ")
end

describe("perigee.http.router", function()
    describe("finds", function()
        local app = router.new()
        app:get("/", named "root")
        app:get("/users", named "users")
        app:get("/users/", named "users slash")
        app:get("/users/:id", named "user")
        app:get("/users/me", named "me")
        app:get("/users/:id/posts", named "posts")
        app:get("/users/me/friends", named "friends")
        app:get("/users/:user/posts/:post", named "post")
        app:get("/files/*path", named "files")
        app:get("/files/new", named "new file")
        app:put("/files/:name", named "put file")
        app:get("/files/:name/raw", named "raw")
        app:get("/a b/é", named "plain")

        local cases = {
            { "/", "root" },
            { "/users", "users" },
            { "/users/", "users slash" },
            { "/users/7", "user id=7" },
            { "/users/:id", "user id=:id" },
            { "/users/me", "me" },
            { "/users/me/posts", "posts id=me" },
            { "/users/me/friends", "friends" },
            { "/users/me/posts/1", "post post=1 user=me" },
            { "/users/7/posts/1", "post post=1 user=7" },
            { "/files/", "files path=" },
            { "/files/a", "files path=a" },
            { "/files/a/b/", "files path=a/b/" },
            { "/files/a//b", "files path=a//b" },
            { "/files/new", "new file" },
            { "/files/new/raw", "raw name=new" },
            { "/files/new/other", "files path=new/other" },
            { "/files", 308 },
            { "/Users", 404 },
            { "/users/7/", 308 },
            { "/users//posts", 404 },
            { "//", 404 },
            { "//users", 404 },
            { "", 404 },
            { "*", 404 },
            { "users", 404 },
        }
        for _, case in ipairs(cases) do
            it(("%s for %q"):format(case[2], case[1]), function()
                assert.equal(case[2], found(app, "GET", case[1]))
            end)
        end

        it("another method further on when the nearest path lacks it", function()
            assert.equal("put file name=new", found(app, "PUT", "/files/new"))
        end)

        it("percent-encoded paths like plain ones", function()
            assert.equal("me", found(app, "GET", "/users/m%65"))
            assert.equal("users", found(app, "GET", "/%75sers"))
            assert.equal("plain", found(app, "GET", "/a%20b/%C3%A9"))
            assert.equal("user id=a b+c", found(app, "GET", "/users/a%20b+c"))
        end)

        it("an encoded slash as data, never as a separator", function()
            assert.equal("user id=7/posts", found(app, "GET", "/users/7%2Fposts"))
            assert.equal(404, found(app, "GET", "/users%2F7"))
            assert.equal("files path=../x", found(app, "GET", "/files/..%2Fx"))
        end)

        it("no route for malformed percent-encoding", function()
            assert.equal(400, found(app, "GET", "/users/%"))
            assert.equal(400, found(app, "GET", "/users/%zz"))
            assert.equal(400, found(app, "GET", "/nowhere/%4"))
        end)
    end)

    it("does not depend on the order of definition", function()
        for _, order in ipairs { { 1, 2, 3 }, { 3, 2, 1 }, { 2, 3, 1 } } do
            local app = router.new()
            local patterns = { "/a/b", "/a/:x", "/a/*y" }
            for _, i in ipairs(order) do
                app:get(patterns[i], named(patterns[i]))
            end
            assert.equal("/a/b", found(app, "GET", "/a/b"))
            assert.equal("/a/:x x=c", found(app, "GET", "/a/c"))
            assert.equal("/a/*y y=c/d", found(app, "GET", "/a/c/d"))
        end
    end)

    it("gives each method its own parameter names", function()
        local app = router.new()
        app:get("/users/:id", named "get")
        app:put("/users/:name", named "put")
        assert.equal("get id=7", found(app, "GET", "/users/7"))
        assert.equal("put name=7", found(app, "PUT", "/users/7"))
    end)

    it("goes back over many branches in bounded time", function()
        local app = router.new()
        app:get(("/a"):rep(20) .. "/x", nothing)
        app:get("/:p1" .. ("/a"):rep(20), nothing)
        assert.equal(404, found(app, "GET", ("/a"):rep(22)))
    end)

    it("gives a method of its own the preference over all()", function()
        local app = router.new()
        app:all("/x", named "any")
        app:post("/x", named "post")
        assert.equal("post", found(app, "POST", "/x"))
        assert.equal("any", found(app, "GET", "/x"))
        assert.equal("any", found(app, "OPTIONS", "/x"))
        assert.equal("any", found(app, "PROPFIND", "/x"))
    end)

    it("defines several methods of a path at once", function()
        local app = router.new()
        app:on("/x", { GET = named "get", POST = named "post", PROPFIND = named "find" })
        assert.equal("get", found(app, "GET", "/x"))
        assert.equal("post", found(app, "POST", "/x"))
        assert.equal("find", found(app, "PROPFIND", "/x"))
    end)

    it("has a verb for each common method", function()
        local app = router.new()
        for _, verb in ipairs { "get", "head", "post", "put", "patch", "delete", "options" } do
            assert.equal(app, app[verb](app, "/x", named(verb)))
        end
        for _, verb in ipairs { "get", "head", "post", "put", "patch", "delete", "options" } do
            assert.equal(verb, found(app, verb:upper(), "/x"))
        end
    end)

    describe("without a route for the method", function()
        local app = router.new()
        app:get("/x", named "get")
        app:post("/x", named "post")
        app:delete("/:name", named "delete")
        app:patch("/only", named "patch")

        it("answers HEAD by GET", function()
            assert.equal("get", found(app, "HEAD", "/x"))
        end)

        it("says which methods there are, over all routes that fit the path", function()
            local route, status, allow = app:match("PUT", "/x")
            assert.is_nil(route)
            assert.equal(405, status)
            assert.equal("DELETE, GET, HEAD, OPTIONS, POST", allow)
            route, status, allow = app:match("GET", "/only")
            assert.is_nil(route)
            assert.equal(405, status)
            assert.equal("DELETE, OPTIONS, PATCH", allow)
        end)

        it("answers OPTIONS", function()
            local route, status, allow = app:match("OPTIONS", "/x")
            assert.is_nil(route)
            assert.equal(204, status)
            assert.equal("DELETE, GET, HEAD, OPTIONS, POST", allow)
            route, status = app:match("OPTIONS", "/x/y")
            assert.is_nil(route)
            assert.equal(404, status)
        end)

        it("says 404 and not 405 where no path fits", function()
            assert.equal(404, found(app, "PUT", "/x/y"))
        end)

        it("compares methods with their case", function()
            assert.equal(405, found(app, "get", "/x"))
        end)
    end)

    describe("with a slash too many or too few", function()
        local app = router.new()
        app:get("/a", nothing)
        app:get("/b/", nothing)
        app:post("/c", nothing)
        app:get("/:x/y", nothing)
        app:get("/f/*rest", nothing)

        for path, status in pairs { ["/a/"] = 308, ["/b"] = 308, ["/q/y/"] = 308, ["/f"] = 308,
            ["/a//"] = 404, ["/c/"] = 404 } do
            it(("answers GET %s with %d"):format(path, status), function()
                assert.equal(status, found(app, "GET", path))
                assert.equal(status, found(app, "HEAD", path))
            end)
        end

        it("redirects no other method", function()
            assert.equal(404, found(app, "POST", "/a/"))
            assert.equal(404, found(app, "POST", "/c/"))
        end)

        it("never redirects where the target could name another host", function()
            local open = router.new()
            open:get("/:name", nothing)
            assert.equal(308, found(open, "GET", "/good.example/"))
            assert.equal(404, found(open, "GET", "/\\evil.example/"))
            assert.equal(404, found(open, "GET", "//evil.example/"))
        end)
    end)

    describe("refuses, in the line of the caller,", function()
        -- The message of an error raised in the one line of `run`, without its place.
        local function refusal(run)
            local message = message_of(run)
            local place = ("%s:%d: "):format(HERE, debug.getinfo(run, "S").linedefined)
            assert.equal(place, message:sub(1, #place))
            return message:sub(#place + 1)
        end

        local app
        before_each(function()
            app = router.new()
        end)

        it("a path that is malformed", function()
            assert.equal('the path users is malformed: it must begin with "/"',
                refusal(function() app:get("users", nothing) end))
            assert.equal("the path /a//b is malformed: it has an empty segment",
                refusal(function() app:all("/a//b", nothing) end))
            assert.equal("the path nil is malformed: it must be a string, not nil",
                refusal(function() app:on(nil, { GET = nothing }) end))
        end)

        it("a route without a handler", function()
            assert.equal("the route GET /x has no handler", refusal(function() app:get("/x") end))
        end)

        it("a handler that is no function", function()
            assert.equal("a handler of GET /x must be a function, not nil",
                refusal(function() app:get("/x", nil) end))
            assert.equal("a handler of GET /x must be a function, not table",
                refusal(function() app:get("/x", nothing, {}) end))
            assert.equal("a handler of GET /x must be a function, not nil",
                refusal(function() app:get("/x", nil, nothing) end))
            assert.equal("a handler of GET /x must be a function, not string",
                refusal(function() app:on("/x", { GET = "f" }) end))
        end)

        it("a second definition, naming the first", function()
            app:get("/users/:id", nothing)
            local first = here(-1)
            assert.equal("the route GET /users/:name is already defined as /users/:id at " .. first,
                refusal(function() app:get("/users/:name", nothing) end))
        end)

        it("a second all() on one path", function()
            app:all("/x", nothing)
            local first = here(-1)
            assert.equal("the route * /x is already defined as /x at " .. first,
                refusal(function() app:all("/x", nothing) end))
        end)

        it("methods in small letters, and none at all", function()
            assert.equal("get is not a method: methods are written in capitals",
                refusal(function() app:on("/x", { get = nothing }) end))
            assert.equal("1 is not a method: methods are written in capitals",
                refusal(function() app:on("/x", { nothing }) end))
            assert.equal("on() takes a path and a table of handlers by method",
                refusal(function() app:on("/x", {}) end))
            assert.equal("on() takes a path and a table of handlers by method",
                refusal(function() app:on("/x", nothing) end))
        end)

        it("middleware that is no function", function()
            assert.equal("middleware must be a function, not nil",
                refusal(function() app:use(nothing, nil) end))
        end)

        it("malformed prefixes", function()
            assert.equal('the prefix api is malformed: it must begin with "/"',
                refusal(function() app:group("api") end))
            assert.equal('the prefix /api/ is malformed: it must not end with "/"',
                refusal(function() app:group("/api/") end))
            assert.equal('the prefix / is malformed: it must not end with "/"',
                refusal(function() app:group("/") end))
            assert.equal("the prefix nil is malformed: it must be a string, not nil",
                refusal(function() app:group() end))
            assert.equal("group() takes a prefix and a function",
                refusal(function() app:group("/api", {}) end))
        end)

        it("any change once it answers requests", function()
            local group = app:group("/g")
            app:seal()
            for _, change in ipairs {
                function() app:get("/x", nothing) end,
                function() app:all("/x", nothing) end,
                function() app:on("/x", { GET = nothing }) end,
                function() app:use(nothing) end,
                function() app:group("/y") end,
                function() group:get("/x", nothing) end,
            } do
                assert.equal("routes and middleware belong to the top level of the service: "
                    .. "this router already answers requests", refusal(change))
            end
        end)
    end)

    it("refuses middleware that makes no handler, naming its definition", function()
        local app = router.new()
        local function forgetful() end
        local definition = here(-1)
        app:use(forgetful)
        app:get("/x", nothing)
        assert.equal(definition .. ": this middleware must return a function, not nil",
            message_of(app.seal, app))
    end)

    describe("groups", function()
        it("put a prefix before their routes", function()
            local app = router.new()
            local api = app:group("/api/:version", function(group)
                group:get("", named "index")
                group:get("/", named "slash")
                group:get("/users/:id", named "user")
            end)
            api:get("/late", named "late")
            assert.equal("index version=1", found(app, "GET", "/api/1"))
            assert.equal("slash version=1", found(app, "GET", "/api/1/"))
            assert.equal("user id=7 version=1", found(app, "GET", "/api/1/users/7"))
            assert.equal("late version=2", found(app, "GET", "/api/2/late"))
        end)

        it("can be nested", function()
            local app = router.new()
            app:group("/a", function(a)
                a:group("/b", function(b)
                    b:get("/c", named "c")
                end)
            end)
            assert.equal("c", found(app, "GET", "/a/b/c"))
        end)

        it("are no routers themselves", function()
            local app = router.new()
            assert.is_true(router.is(app))
            assert.is_false(router.is(app:group("/a")))
            assert.is_false(router.is({}))
            assert.is_false(router.is(nil))
        end)

        it("conflict with other routes as if written out", function()
            local app = router.new()
            app:get("/a/b", nothing)
            app:group("/a", function(a)
                assert.matches("the route GET /a/b is already defined",
                    message_of(a.get, a, "/b", nothing))
            end)
        end)
    end)

    describe("middleware", function()
        local function around(name)
            return function(next)
                return function(...)
                    return name .. "(" .. next(...) .. ")"
                end
            end
        end

        it("wraps from the router over groups to the route, wherever it is written", function()
            local app = router.new()
            app:group("/g", function(group)
                group:get("/x", around "route", around "inner", named "handler")
                group:use(around "group")
                group:group("/h", function(nested)
                    nested:use(around "nested")
                    nested:get("/x", named "handler")
                end)
            end)
            app:get("/x", named "handler")
            app:use(around "first", around "second")
            app:use(around "third")
            assert.equal("first(second(third(handler)))", found(app, "GET", "/x"))
            assert.equal("first(second(third(group(route(inner(handler))))))",
                found(app, "GET", "/g/x"))
            assert.equal("first(second(third(group(nested(handler)))))",
                found(app, "GET", "/g/h/x"))
        end)

        it("is composed once", function()
            local count = 0
            local app = router.new()
            app:use(function(next)
                count = count + 1
                return next
            end)
            app:get("/x", nothing)
            app:seal()
            app:seal()
            for _ = 1, 3 do
                app:match("GET", "/x")
                app:resolve("GET", "/nowhere")
                app:resolve("PUT", "/x")
            end
            assert.equal(3, count) -- the route, 404 and 405
        end)

        it("of the router wraps its own answers too", function()
            local app = router.new()
            app:use(function(next)
                return function(...)
                    return "seen", next(...)
                end
            end)
            app:get("/x", nothing)
            app:seal()
            local mark, failure = app:resolve("GET", "/nowhere").run()
            assert.equal("seen", mark)
            assert.is_true(http_error.is(failure))
            assert.equal(404, failure.status)
        end)
    end)

    it("resolves what has no route to a handler for the status", function()
        local app = router.new()
        app:get("/x", nothing)
        app:seal()
        local failure = app:resolve("PUT", "/x").run()
        assert.equal(405, failure.status)
        assert.same({ Allow = "GET, HEAD, OPTIONS" }, failure.headers)
        assert.equal(400, app:resolve("GET", "/%").run().status)
        local status, body, fields = app:resolve("OPTIONS", "/x").run()
        assert.equal(204, status)
        assert.is_nil(body)
        assert.same({ Allow = "GET, HEAD, OPTIONS" }, fields)
    end)

    it("redirects to the full path and keeps the query", function()
        local app = router.new()
        app:get("/x", nothing)
        app:seal()
        local run = app:resolve("GET", "/x/").run
        local status, _, fields = run { path = "/mount/x/", target = "/mount/x/?a=/?" }
        assert.equal(308, status)
        assert.equal("/mount/x?a=/?", fields.Location)
        status, _, fields = run { path = "/mount/x/", target = "http://a/mount/x/" }
        assert.equal(308, status)
        assert.equal("/mount/x", fields.Location)
    end)

    it("lists its routes in the order of definition", function()
        local app = router.new()
        app:get("/b", nothing)
        app:group("/g"):post("/a/:id", nothing)
        app:all("/c", nothing)
        local line = debug.getinfo(1, "l").currentline
        assert.same({
            { method = "GET", pattern = "/b", where = ("%s:%d"):format(HERE, line - 3) },
            { method = "POST", pattern = "/g/a/:id", where = ("%s:%d"):format(HERE, line - 2) },
            { method = "*", pattern = "/c", where = ("%s:%d"):format(HERE, line - 1) },
        }, app:routes())
    end)
end)
