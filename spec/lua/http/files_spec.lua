--- http.files as services see it, without sockets: which file, which answer, which bytes.
local http = require "perigee.http"
local temporary = require "spec.support.temporary"
local testing = require "perigee.testing"

local SERVICE = [[
local http = require "perigee.http"
local app = http.router()
local options = ...
app:get("/static/*path", http.files("public", options))
return { http = app }
]]

describe("http.files", function()
    local root

    before_each(function()
        root = temporary.new()
        root:write("public/index.html", "<p>root</p>")
        root:write("public/hello.txt", "0123456789")
        root:write("public/empty", "")
        root:write("public/folder/index.html", "<p>folder</p>")
        root:write("public/bare/a.txt", "a")
        root:write("public/.secret", "s")
        root:write("public/.d/a", "s")
        root:write("secret.txt", "outside")
    end)

    after_each(function()
        root:destroy()
    end)

    local function load_text(text)
        return assert(loadstring(text, "@" .. root:join("site.lua")))
    end

    local function new(options)
        return testing.client(load_text(SERVICE)(options))
    end

    local function get(client, path, headers)
        return client:get(path, { headers = headers })
    end

    it("answers with the file and what is known of it", function()
        local response = new():get "/static/hello.txt"
        assert.equal(200, response.status)
        assert.equal("0123456789", response.body)
        assert.equal("text/plain; charset=utf-8", response.headers["content-type"])
        assert.equal("bytes", response.headers["accept-ranges"])
        assert.matches('^"[%x-]+"$', response.headers["etag"])
        assert.matches("GMT$", response.headers["last-modified"])
        assert.is_nil(response.headers["vary"])
        assert.is_nil(response.headers["cache-control"])
    end)

    it("answers HEAD with the same fields", function()
        local client = new()
        local whole, head = client:get "/static/hello.txt", client:head "/static/hello.txt"
        assert.equal("", head.body)
        assert.same(whole.headers, head.headers)
    end)

    it("answers with empty files", function()
        local response = get(new(), "/static/empty", { Range = "bytes=0-" })
        assert.equal(200, response.status)
        assert.equal("", response.body)
    end)

    it("answers for folders by their index", function()
        local client = new()
        assert.equal("<p>root</p>", client:get("/static/").body)
        assert.equal("<p>folder</p>", client:get("/static/folder/").body)
        assert.equal("<p>folder</p>", client:get("/static/folder/index.html").body)
        assert.equal(404, client:get("/static/bare/").status)
        assert.equal(404, client:get("/static/hello.txt/").status)
        assert.equal(404, new({ index = false }):get("/static/").status)
        assert.equal("a", new({ index = "a.txt" }):get("/static/bare/").body)
        assert.equal(404, new({ index = "bare" }):get("/static/").status)
    end)

    it("redirects to the folder", function()
        local client = new()
        for path, location in pairs({ ["/static"] = "/static/",
            ["/static/folder"] = "/static/folder/",
            ["/static/folder?a=b"] = "/static/folder/?a=b",
            ["/static/f%6flder"] = "/static/f%6flder/" }) do
            local response = client:get(path)
            assert.equal(308, response.status)
            assert.equal(location, response.headers["location"])
        end
    end)

    it("has one path for each file", function()
        local client = new()
        for _, path in ipairs({ "/static/nope", "/static//hello.txt", "/static/./hello.txt",
            "/static/folder/../hello.txt", "/static/../secret.txt", "/static/%2e%2e/secret.txt",
            "/static/..%2Fsecret.txt", "/static/folder%2Findex.html", "/static/hello.txt%00",
            "/static/%00", "/static/..%5Csecret.txt", "/static/%2Fetc/passwd",
            "/static/" .. ("a"):rep(300), "/static/" .. ("a/"):rep(3000) }) do
            assert.equal(404, client:get(path).status, path)
        end
        assert.equal(400, client:get("/static/%zz").status)
    end)

    it("serves dotfiles only when asked to", function()
        for _, path in ipairs({ "/static/.secret", "/static/.d/a" }) do
            assert.equal(404, new():get(path).status)
            assert.equal("s", new({ dotfiles = true }):get(path).body)
        end
        assert.equal(404, new({ dotfiles = true }):get("/static/../secret.txt").status)
    end)

    it("answers only GET and HEAD", function()
        local service = load_text [[
            return { http = require("perigee.http").files("public"), mount = "/shop" }]]()
        local client = testing.client(service)
        local response = client:post "/shop/hello.txt"
        assert.equal(405, response.status)
        assert.equal("GET, HEAD, OPTIONS", response.headers["allow"])
        assert.equal(204, client:options("/shop/hello.txt").status)
        assert.equal("0123456789", client:get("/shop/hello.txt").body)
        assert.equal("<p>root</p>", client:get("/shop/").body)
        assert.equal("/shop/", client:get("/shop").headers["location"])
    end)

    it("keeps what middleware set, and sets what options say", function()
        local service = load_text [[
            local http = require "perigee.http"
            local app = http.router()
            app:use(function(next)
                return function(request, response)
                    response:header("X-Own", "1")
                    return next(request, response)
                end
            end)
            app:get("/*path", http.files("public", { cache_control = "max-age=5", nosniff = true,
                types = { txt = "text/x-own" } }))
            return { http = app }]]()
        local headers = testing.client(service):get("/hello.txt").headers
        assert.equal("1", headers["x-own"])
        assert.equal("max-age=5", headers["cache-control"])
        assert.equal("nosniff", headers["x-content-type-options"])
        assert.equal("text/x-own", headers["content-type"])
    end)

    describe("asked for ranges", function()
        it("answers with one", function()
            local response = get(new(), "/static/hello.txt", { Range = "bytes=2-4" })
            assert.equal(206, response.status)
            assert.equal("234", response.body)
            assert.equal("bytes 2-4/10", response.headers["content-range"])
        end)

        it("answers with the end", function()
            local response = get(new(), "/static/hello.txt", { Range = "bytes=-3" })
            assert.equal("789", response.body)
        end)

        it("answers with several", function()
            root:write("public/long.txt", ("0123456789"):rep(100))
            local response = get(new(), "/static/long.txt", { Range = "bytes=0-1,500-503,-2" })
            local boundary = response.headers["content-type"]:match(
                "^multipart/byteranges; boundary=([%w-]+)$")
            local type_line = "Content-Type: text/plain; charset=utf-8\r\n"
            assert.equal(206, response.status)
            assert.is_nil(response.headers["content-range"])
            assert.equal(("--B\r\n%sContent-Range: bytes 0-1/1000\r\n\r\n01"
                .. "\r\n--B\r\n%sContent-Range: bytes 500-503/1000\r\n\r\n0123"
                .. "\r\n--B\r\n%sContent-Range: bytes 998-999/1000\r\n\r\n89"
                .. "\r\n--B--\r\n"):format(type_line, type_line, type_line),
                (response.body:gsub(boundary:gsub("%p", "%%%0"), "B")))
        end)

        it("answers 416 when it has none of them", function()
            local response = get(new(), "/static/hello.txt", { Range = "bytes=10-" })
            assert.equal(416, response.status)
            assert.equal("bytes */10", response.headers["content-range"])
        end)

        it("ignores what is none, and those of HEAD", function()
            local client = new()
            assert.equal(200, get(client, "/static/hello.txt", { Range = "bytes=4-2" }).status)
            assert.equal(200, client:head("/static/hello.txt", { headers =
                { Range = "bytes=0-0" } }).status)
        end)

        it("looks at If-Range", function()
            local client = new()
            local tag = client:get("/static/hello.txt").headers["etag"]
            local asked = { Range = "bytes=0-0", ["If-Range"] = tag }
            assert.equal(206, get(client, "/static/hello.txt", asked).status)
            asked["If-Range"] = '"other"'
            assert.equal(200, get(client, "/static/hello.txt", asked).status)
        end)
    end)

    describe("asked under conditions", function()
        it("answers 304 without a body and with the tag", function()
            local client = new({ cache_control = "no-cache" })
            local tag = client:get("/static/hello.txt").headers["etag"]
            local response = get(client, "/static/hello.txt", { ["If-None-Match"] = "W/" .. tag,
                Range = "bytes=0-0" })
            assert.equal(304, response.status)
            assert.equal("", response.body)
            assert.equal(tag, response.headers["etag"])
            assert.equal("no-cache", response.headers["cache-control"])
            assert.is_nil(response.headers["content-type"])
        end)

        it("answers 412", function()
            local response = get(new(), "/static/hello.txt", { ["If-Match"] = '"other"' })
            assert.equal(412, response.status)
        end)

        it("has another tag when the file changes", function()
            local client = new()
            local tag = client:get("/static/hello.txt").headers["etag"]
            root:write("public/hello.txt", "9876543210")
            assert.not_equal(tag, client:get("/static/hello.txt").headers["etag"])
        end)

        it("knows no time that is still to come", function()
            assert(os.execute(("touch -d @4000000000 '%s'"):format(
                root:join("public/hello.txt"))) == 0)
            local modified = new():get("/static/hello.txt").headers["last-modified"]
            assert.is_true(require("perigee.http.date").parse(modified) <= os.time())
        end)
    end)

    describe("with precompressed files", function()
        before_each(function()
            root:write("public/app.js", "plain script")
            root:write("public/app.js.gz", "as gzip")
            root:write("public/app.js.br", "as br")
        end)

        local function ask(path, accepted, headers)
            headers = headers or {}
            headers["Accept-Encoding"] = accepted
            return get(new({ precompressed = true }), path, headers)
        end

        it("answers with the coding the client likes best", function()
            for accepted, coding in pairs({ ["gzip"] = "gzip", ["gzip, br"] = "br",
                ["br;q=0.5, gzip"] = "gzip", ["identity"] = "", ["deflate"] = "" }) do
                local response = ask("/static/app.js", accepted)
                assert.equal(coding, response.headers["content-encoding"] or "")
                assert.equal(coding == "" and "plain script" or "as " .. coding, response.body)
                assert.equal("text/javascript; charset=utf-8", response.headers["content-type"])
                assert.equal("Accept-Encoding", response.headers["vary"])
            end
        end)

        it("has a tag for each coding, and ranges of each", function()
            local plain, packed = ask("/static/app.js", "identity"), ask("/static/app.js", "br")
            assert.not_equal(plain.headers["etag"], packed.headers["etag"])
            local response = ask("/static/app.js", "br", { Range = "bytes=3-" })
            assert.equal("br", response.body)
            assert.equal("bytes 3-4/5", response.headers["content-range"])
            local again = ask("/static/app.js", "br", { ["If-None-Match"] =
                packed.headers["etag"] })
            assert.equal(304, again.status)
            assert.equal("Accept-Encoding", again.headers["vary"])
        end)

        it("goes on with what there is", function()
            root:remove("public/app.js.br")
            assert.equal("as gzip", ask("/static/app.js", "br, gzip").body)
            assert.equal("plain script", ask("/static/app.js", "br").body)
            assert.equal(406, ask("/static/app.js", "br, identity;q=0").status)
            assert.equal(404, ask("/static/nope", "br").status)
        end)

        it("leaves what is older than the file", function()
            assert(os.execute(("touch -d '1 hour ago' '%s'"):format(
                root:join("public/app.js.gz"))) == 0)
            assert.equal("plain script", ask("/static/app.js", "gzip").body)
        end)

        it("does not look for them unless asked to", function()
            local response = get(new(), "/static/app.js", { ["Accept-Encoding"] = "gzip" })
            assert.equal("plain script", response.body)
            assert.is_nil(response.headers["vary"])
        end)
    end)

    describe("refuses at load, in the caller's line,", function()
        local function problem_of(arguments)
            local _, problem = pcall(load_text(('\nrequire("perigee.http").files(%s)')
                :format(arguments)))
            assert.matches("^" .. root:join("site.lua"):gsub("%p", "%%%0") .. ":2: http%.files: ",
                problem)
            return problem
        end

        it("folders that are not below the script's", function()
            for _, dir in ipairs({ '""', '"."', '".."', '"../x"', '"public/.."',
                '"public/"', '"./public"', '"a//b"', '"public\\0"' }) do
                assert.matches("must name a folder below", problem_of(dir))
            end
            assert.matches("takes the name of a folder, not a nil", problem_of("nil"))
            assert.matches('reading the folder "/etc" needs a grant', problem_of('"/etc"'))
        end)

        it("folders that are not there, and links that lead out", function()
            root:link("out", "/etc")
            root:link("up", "..")
            for _, dir in ipairs({ '"nope"', '"secret.txt"', '"out"', '"up"' }) do
                assert.matches("was not found below", problem_of(dir))
            end
        end)

        it("unknown options, and those of another type", function()
            assert.matches("indx is not an option; there are index", problem_of('"public", '
                .. '{ indx = "a" }'))
            assert.matches("dotfiles must be a boolean, not a number", problem_of('"public", '
                .. "{ dotfiles = 1 }"))
            assert.matches("control character", problem_of('"public", '
                .. '{ cache_control = "a\\nb" }'))
        end)
    end)

    it("notices a folder that was replaced", function()
        local client = new()
        assert.equal("0123456789", client:get("/static/hello.txt").body)
        root:write("other/hello.txt", "new")
        assert(os.rename(root:join("public"), root:join("old")))
        assert(os.rename(root:join("other"), root:join("public")))
        require("spec.support.eventually")(function()
            return client:get("/static/hello.txt").body == "new"
        end, "the new folder is seen")
    end)

    it("needs no more descriptors the more it is asked", function()
        local seam = require "host"
        local client = new({ precompressed = true })
        local function count()
            collectgarbage()
            collectgarbage()
            return #seam.list_directory("/proc/self/fd")
        end
        client:get("/static/hello.txt")
        local before = count()
        collectgarbage("stop")
        for _, headers in ipairs({ {}, { Range = "bytes=0-0" }, { Range = "bytes=99-" },
            { ["If-Match"] = '"x"' }, { ["If-None-Match"] = "*" },
            { ["Accept-Encoding"] = "identity;q=0" } }) do
            get(client, "/static/hello.txt", headers)
            get(client, "/static/folder", headers)
            get(client, "/static/nope", headers)
        end
        local after = #seam.list_directory("/proc/self/fd")
        collectgarbage("restart")
        assert.equal(before, after)
    end)

    it("is a function of http", function()
        assert.equal("function", type(http.files))
    end)
end)
