local http_error = require "perigee.http.http_error"

local function message_of(run, ...)
    local is_fine, message = pcall(run, ...)
    assert.is_false(is_fine)
    return message
end

describe("perigee.http.http_error", function()
    it("has a status, a message and header fields", function()
        local failure = http_error.new(429, "slow down", { ["Retry-After"] = 30 })
        assert.equal(429, failure.status)
        assert.equal("slow down", failure.message)
        assert.same({ ["Retry-After"] = 30 }, failure.headers)
        assert.equal("429: slow down", tostring(failure))
    end)

    it("takes every status from 400 to 599", function()
        assert.equal(400, http_error.new(400).status)
        assert.equal(599, http_error.new(599).status)
    end)

    it("takes the status's name for a message", function()
        assert.equal("Not Found", http_error.new(404).message)
        assert.equal("Error", http_error.new(499).message)
    end)

    it("can be told from other tables", function()
        assert.is_true(http_error.is(http_error.new(404)))
        assert.is_false(http_error.is { status = 404, message = "x" })
        assert.is_false(http_error.is "404")
        assert.is_false(http_error.is(nil))
    end)

    for _, status in ipairs { 399, 600, 200, 404.5, "404", 0 / 0 } do
        it("refuses the status " .. tostring(status), function()
            assert.matches("_spec%.lua:%d+: an error's status must be an integer from 400 to 599, "
                .. "not ", message_of(function() return (http_error.new(status)) end))
        end)
    end

    it("refuses a missing status", function()
        assert.matches("must be an integer from 400 to 599, not nil", message_of(http_error.new))
    end)

    it("refuses a message that is no string", function()
        assert.matches("an error's message must be a string, not a table",
            message_of(http_error.new, 400, {}))
    end)

    it("refuses bad header fields in the line of the caller", function()
        assert.matches("_spec%.lua:%d+: the header X%-A has a control character at byte 1",
            message_of(function() return (http_error.new(400, nil, { ["X-A"] = "\n" })) end))
    end)

    it("finds the status for a body that could not be read", function()
        local statuses = { too_large = 413, timeout = 408, unsupported = 415, invalid = 400,
            closed = 400 }
        for code, status in pairs(statuses) do
            assert.equal(status, http_error.of_body(code).status)
        end
        assert.equal("expected a number",
            http_error.of_body("invalid", "expected a number").message)
        assert.equal("Content Too Large", http_error.of_body("too_large").message)
    end)
end)
