local content_types = require "perigee.http.content_types"

describe("perigee.http.content_types", function()
    it("goes by the extension", function()
        for path, expected in pairs({
            ["a.html"] = "text/html; charset=utf-8",
            ["A.HTML"] = "text/html; charset=utf-8",
            ["a/b.min.js"] = "text/javascript; charset=utf-8",
            ["a.json"] = "application/json",
            ["a.svg"] = "image/svg+xml",
            ["a.tar.gz"] = "application/gzip",
            ["a"] = "application/octet-stream",
            ["a."] = "application/octet-stream",
            ["a.unknown"] = "application/octet-stream",
            ["dir.html/a"] = "application/octet-stream",
        }) do
            assert.equal(expected, content_types.of(path), path)
        end
    end)

    it("asks the caller's own first", function()
        local own = { html = "text/x-own", foo = "text/x-foo" }
        assert.equal("text/x-own", content_types.of("a.html", own))
        assert.equal("text/x-foo", content_types.of("a.foo", own))
        assert.equal("text/css; charset=utf-8", content_types.of("a.css", own))
    end)
end)
