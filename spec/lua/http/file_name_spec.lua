local file_name = require "perigee.http.file_name"

local CLEAN = { "", "a", "a/", "a/b.css", "a..b", "a/b../c", "\\", "a\\..\\b", "a%2e", "~", "é" }
local UNCLEAN = { "/", "/a", "//", "a//b", "a//", ".", "..", "./", "../", "a/.", "a/..", "a/./b",
    "a/../b", "../../etc/passwd", "a\0", "a\0.css", "\0" }
local DOTFILES = { ".env", ".git/config", "a/.htaccess", ".a/b", "...", "a/.../b" }

describe("perigee.http.file_name", function()
    it("knows one spelling of each path", function()
        for _, name in ipairs(CLEAN) do
            assert.is_true(file_name.is_clean(name), name)
            assert.is_true(file_name.is_clean(name, true), name)
        end
        for _, name in ipairs(UNCLEAN) do
            assert.is_false(file_name.is_clean(name), name)
            assert.is_false(file_name.is_clean(name, true), name)
        end
    end)

    it("leaves out dotfiles unless they are asked for", function()
        for _, name in ipairs(DOTFILES) do
            assert.is_false(file_name.is_clean(name), name)
            assert.is_true(file_name.is_clean(name, true), name)
        end
    end)

    local function of(route, path, params, mount)
        return file_name.of({ route = route, path = path, params = params, mount = mount or "/" })
    end

    it("is the rest of the route", function()
        assert.equal("a/b", of("/static/*path", "/static/a/b", { path = "a/b" }))
        assert.equal("b", of("/:x/*rest", "/a/b", { x = "a", rest = "b" }))
        assert.equal("", of("/static/*path", "/static/", { path = "" }))
    end)

    it("is the path below the mount without one", function()
        assert.equal("a/b", of(nil, "/shop/a/b", nil, "/shop"))
        assert.equal("a b", of(nil, "/a%20b"))
        assert.equal("", of("/", "/shop", {}, "/shop"))
        assert.equal("favicon.ico", of("/favicon.ico", "/favicon.ico", {}))
    end)

    it("is none when a slash is hidden", function()
        for _, path in ipairs({ "/a%2Fb", "/a%2fb", "/%2e%2e%2fa", "/a%2F", "/%2F" }) do
            assert.is_nil(of(nil, path), path)
        end
        assert.is_nil(of("/static/*path", "/static/a%2Fb", { path = "a/b" }))
    end)

    it("is none when the encoding is malformed or hides what is not clean", function()
        for _, path in ipairs({ "/%", "/%zz", "/a%00", "/%2e%2e/a", "/%2E", "/a/%2e%2e/b",
            "//a", "/a//b" }) do
            assert.is_nil(of(nil, path), path)
        end
    end)
end)
