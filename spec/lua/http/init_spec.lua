local http = require "perigee.http"

describe("perigee.http", function()
    it("makes routers and error answers", function()
        assert.is_true(require("perigee.http.router").is(http.router()))
        assert.is_true(http.is_error(http.error(404)))
        assert.equal(413, http.body_error("too_large").status)
        assert.is_false(http.is_error {})
    end)

    it("knows the names of statuses", function()
        assert.equal("OK", http.status_text(200))
        assert.equal("Not Found", http.status_text(404))
        assert.is_nil(http.status_text(299))
    end)

    it("has the tools", function()
        assert.equal("a%20b", http.url.encode "a b")
        assert.same({ a = "1" }, http.cookies.parse "a=1")
        assert.equal("1", http.headers.new({ "A", "1" }):get "a")
    end)
end)
