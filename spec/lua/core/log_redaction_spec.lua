local log_redaction = require "perigee.core.log_redaction"

describe("perigee.core.log_redaction", function()
    it("leaves texts without secrets as they are", function()
        for _, text in ipairs({ "", "order stored", "http://example.org:80/a@b", "a bearer of news",
            "basic needs", "mail to ann@example.org", "Bearer " }) do
            assert.equal(text, log_redaction.text(text))
        end
    end)

    it("takes credentials out of URLs", function()
        assert.equal("no postgres://[redacted]@db:5432/x, nor http://[redacted]@a/",
            log_redaction.text("no postgres://ann:s3c:ret@db:5432/x, nor http://t0ken@a/"))
    end)

    it("takes tokens out of the Authorization field", function()
        assert.equal("got Bearer [redacted], and Basic [redacted]",
            log_redaction.text("got Bearer abc.DEF-_~+/12==, and Basic YW5uOnNlY3JldA=="))
    end)

    it("hides the values of fields that are called secrets", function()
        local fields = { Authorization = "x", user_password = "x", accessToken = "x",
            ["X-Api-Key"] = "x", cookie = 5, order = 7, token_count = 3, secretary = "Ann",
            url = "http://a:b@c" }
        assert.same({ Authorization = "[redacted]", user_password = "[redacted]",
            accessToken = "[redacted]", ["X-Api-Key"] = "[redacted]", cookie = "[redacted]",
            order = 7, token_count = 3, secretary = "Ann", url = "http://[redacted]@c" },
            log_redaction.fields(fields))
        assert.equal("x", fields.Authorization)
    end)

    it("gives the same table back when there is nothing to hide", function()
        local fields = { order = 7, name = "Ann" }
        assert.equal(fields, log_redaction.fields(fields))
    end)
end)
