local request_writer = require "perigee.http.client.request_writer"

local function compose(request, is_last)
    assert.is_nil(request_writer.problem(request))
    return request_writer.compose(request, "example:80", is_last)
end

local function problem_of(changes)
    local request = { method = "GET", target = "/" }
    for key, value in pairs(changes) do
        request[key] = value
    end
    return request_writer.problem(request)
end

describe("perigee.http.client.request_writer", function()
    describe("compose", function()
        it("writes a GET by default", function()
            assert.equal("GET /a?b=c HTTP/1.1\r\nHost: example:80\r\n\r\n",
                compose({ target = "/a?b=c" }).bytes)
        end)

        it("writes the fields in their order, behind Host", function()
            local fields = { "X-A", "1", "x-a", "two words", "X-N", 12 }
            local lines = "X-A: 1\r\nx-a: two words\r\nX-N: 12\r\n"
            assert.equal("GET / HTTP/1.1\r\nHost: example:80\r\n" .. lines .. "\r\n",
                compose({ target = "/", fields = fields }).bytes)
            assert.same({ "X-A", "1", "x-a", "two words", "X-N", 12 }, fields)
        end)

        it("leaves a Host that is given alone", function()
            assert.equal("GET / HTTP/1.1\r\nhost: other\r\n\r\n",
                compose({ target = "/", fields = { "host", "other" } }).bytes)
        end)

        it("writes the size of a body", function()
            assert.equal("DELETE / HTTP/1.1\r\nHost: example:80\r\nContent-Length: 4\r\n\r\na\r\nb",
                compose({ method = "DELETE", target = "/", body = "a\r\nb" }).bytes)
        end)

        it("writes the size of no body where one is usual", function()
            for _, method in ipairs { "POST", "PUT", "PATCH" } do
                local expected = method
                    .. " / HTTP/1.1\r\nHost: example:80\r\nContent-Length: 0\r\n\r\n"
                assert.equal(expected, compose({ method = method, target = "/" }).bytes)
                assert.equal(expected, compose({ method = method, target = "/", body = "" }).bytes)
            end
        end)

        it("says when the request is the last of its connection", function()
            assert.equal("GET / HTTP/1.1\r\nHost: example:80\r\nConnection: close\r\n\r\n",
                compose({ target = "/" }, true).bytes)
            assert.is_true(compose({ target = "/" }, true).is_last)
            assert.is_false(compose({ target = "/" }, false).is_last)
        end)

        it("believes fields that say so", function()
            local request = { target = "/", fields = { "connection", "x, Close" } }
            assert.is_true(compose(request, false).is_last)
            assert.equal("GET / HTTP/1.1\r\nHost: example:80\r\nconnection: x, Close\r\n\r\n",
                compose(request, true).bytes)
        end)

        it("knows which methods may be repeated", function()
            for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" } do
                assert.is_true(compose({ method = method, target = "/" }).is_idempotent)
            end
            for _, method in ipairs { "POST", "PATCH", "get", "X" } do
                assert.is_false(compose({ method = method, target = "/" }).is_idempotent)
            end
        end)
    end)

    describe("authority", function()
        it("is the address", function()
            assert.equal("127.0.0.1:8080", request_writer.authority "127.0.0.1:8080")
            assert.equal("[::1]:8080", request_writer.authority "[::1]:8080")
        end)

        it("is localhost where the address has no name", function()
            assert.equal("localhost", request_writer.authority "unix:/run/perigee.sock")
            assert.equal("localhost", request_writer.authority "unix:@perigee")
            assert.equal("localhost:8080", request_writer.authority ":8080")
        end)
    end)

    describe("problem", function()
        it("finds none in a good request", function()
            assert.is_nil(request_writer.problem {
                method = "M-SEARCH", target = "*", fields = { "A", "", "B", "\tö" }, body = "\0",
                timeout_s = 0.5, max_body = 1,
            })
        end)

        it("names a request that is no table", function()
            assert.matches("a request is a table", request_writer.problem("/"))
            assert.matches("a request is a table", request_writer.problem(nil))
        end)

        for _, method in ipairs { "", "GET ", "GE T", "GET\r\n", "G\0T", 1, false } do
            it(("names the method %q"):format(tostring(method)), function()
                -- `false` stands for no method, as nil does.
                local problem = problem_of { method = method }
                assert.equal(method and "the method must be a token such as GET" or nil, problem)
            end)
        end

        it("names CONNECT", function()
            assert.matches("CONNECT", problem_of { method = "CONNECT" })
        end)

        for target, position in pairs {
            ["/a b"] = 3, ["/\r\nX: 1"] = 2, ["/\0"] = 2, [" /"] = 1, ["/\127"] = 2, ["/\t"] = 2,
        } do
            it(("names the target %q"):format(target), function()
                assert.equal("the target has a space or control character at byte " .. position,
                    problem_of { target = target })
            end)
        end

        it("names a target that is missing", function()
            assert.matches("the target must be a string", problem_of { target = "" })
            assert.matches("the target must be a string", request_writer.problem {})
        end)

        for value, expected in pairs {
            ["a\r\nX: 1"] = "byte 2", ["\n"] = "byte 1", ["a\0"] = "byte 2",
        } do
            it(("names the field value %q"):format(value), function()
                assert.matches(expected, problem_of { fields = { "A", "1", "B", value } })
            end)
        end

        it("names other malformed fields", function()
            assert.matches("flat array", problem_of { fields = "A: 1" })
            assert.matches("token", problem_of { fields = { "A:", "1" } })
            assert.matches("token", problem_of { fields = { "A\r\nB", "1" } })
            assert.matches("must be a string or a number", problem_of { fields = { "A" } })
            assert.matches("must be a string or a number", problem_of { fields = { "A", true } })
            assert.matches("more than one Host",
                problem_of { fields = { "Host", "a", "host", "b" } })
        end)

        it("names fields about the body's length", function()
            assert.matches("writes content%-length itself",
                problem_of { fields = { "content-length", "1" } })
            assert.matches("writes Transfer%-Encoding itself",
                problem_of { fields = { "Transfer-Encoding", "chunked" } })
        end)

        it("names a body that is no string", function()
            assert.equal("the body must be a string or a source, not boolean",
                problem_of { body = false })
            local function read() end
            assert.is_nil(problem_of { body = { read = read, length = 0, trailers = read } })
            assert.matches("^the source of a body must have", problem_of { body = {} })
            assert.matches("^the source of a body must have",
                problem_of { body = { read = read, trailers = "X: 1" } })
            assert.matches("^the length of a body must", problem_of { body = { read = read,
                length = -1 } })
        end)

        it("names limits that are none", function()
            for _, value in ipairs { 0, -1, 0 / 0, math.huge, "1", true } do
                assert.matches("timeout_s must be", problem_of { timeout_s = value })
                assert.matches("max_body must be", problem_of { max_body = value })
            end
        end)
    end)
end)
