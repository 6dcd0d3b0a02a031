local http = require "perigee.http"
local request = require "perigee.http.request"
local testing = require "perigee.testing"

-- A request whose body comes in these pieces; one that is a table { code } is a failure.
local function request_of(pieces, fields, lines)
    local position = 0
    return request.new {
        request_line = function() return "POST", "/", nil, "/", "/" end,
        field = function(_, name) return (fields or {})[name] end,
        read = function()
            position = position + 1
            local piece = pieces[position]
            if type(piece) == "table" then
                return nil, piece[1]
            end
            return piece
        end,
        trailers = function() return lines or "" end,
        body = function() return table.concat(pieces) end,
    }
end

local function collect(asked, options)
    local list = {}
    local is_fine, failure = pcall(function()
        for chunk in asked:chunks(options) do
            list[#list + 1] = chunk
        end
    end)
    return list, not is_fine and failure or nil
end

describe("the body of a request in pieces", function()
    it("comes as it is sent", function()
        local list, failure = collect(request_of { "a", "bc" })
        assert.same({ "a", "bc" }, list)
        assert.is_nil(failure)
        assert.same({}, (collect(request_of {})))
    end)

    it("is read by hand", function()
        local asked = request_of { "a" }
        assert.equal("a", asked:read())
        assert.same({ nil, nil }, { asked:read() })
        local bytes, code = request_of({ { "timeout" } }):read(10)
        assert.is_nil(bytes)
        assert.equal("timeout", code)
    end)

    it("raises the answer that fits when it fails", function()
        local statuses = { too_large = 413, timeout = 408, invalid = 400, closed = 400 }
        for code, status in pairs(statuses) do
            local list, failure = collect(request_of { "a", { code } })
            assert.same({ "a" }, list)
            assert.is_true(http.is_error(failure))
            assert.equal(status, failure.status)
            assert.equal(code, failure.code)
        end
    end)

    it("has a limit, which is looked at before the first byte where it can be", function()
        local list, failure = collect(request_of { "ab", "cd", "e" }, { limit = 4 })
        assert.same({ "ab", "cd" }, list)
        assert.equal(413, failure.status)
        assert.is_nil(select(2, collect(request_of { "ab", "cd" }, { limit = 4 })))
        local asked = request_of({ "abcde" }, { ["content-length"] = "5" })
        list, failure = collect(asked, { limit = 4 })
        assert.same({}, list)
        assert.equal("the body is larger than 4 bytes", failure.message)
    end)

    it("is not the whole any more", function()
        local asked = request_of { "a", "b" }
        asked:read()
        assert.has_error(function() asked:body() end)
    end)

    it("can be read again when somebody has read the whole", function()
        local asked = request_of { "abc", "de" }
        assert.equal("abcde", asked:body())
        assert.equal("abc", asked:read(3))
        assert.same({ "de" }, (collect(asked)))
    end)

    it("is answered 413 by a service that lets it fail", function()
        local client = testing.client(function(asked)
            for _ in asked:chunks { limit = 2 } do end -- luacheck: ignore 542
            return "fine"
        end)
        assert.equal(413, client:post("/", { body = "abc" }).status)
        assert.equal(200, client:post("/", { body = "ab" }).status)
        assert.same({}, client.faults)
    end)

    it("takes numbers only", function()
        assert.has_error(function() request_of({}):read(0) end,
            "request:read takes a number of bytes, not 0")
        assert.has_error(function() request_of({}):chunks { limit = "1MB" } end,
            "the limit of request:chunks must be a number of bytes, not 1MB")
    end)

    it("has trailers behind it", function()
        local asked = request_of({ "a" }, {},
            "X-Sum: 7\r\nx-sum:\t8 \r\nContent-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n"
            .. "X-Empty:\r\n")
        assert.has_error(function() asked:trailers() end)
        collect(asked)
        local fields = asked:trailers()
        assert.equal("7, 8", fields["x-sum"])
        assert.equal("", fields["x-empty"])
        assert.is_nil(fields["content-length"])
        assert.is_nil(fields["transfer-encoding"])
    end)
end)
