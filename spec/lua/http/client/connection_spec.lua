local connection = require "perigee.http.client.connection"
local scripted_stream = require "spec.lua.http.client.scripted_stream"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
local REQUEST = { target = "/" }

-- A connection at time 100 over a stream with these answers; and the stream.
local function over(answers)
    local stream = scripted_stream.new(answers)
    local made = connection.new(stream, {
        address = "127.0.0.1:80",
        now = function()
            return 100
        end,
    })
    return made, stream
end

local function assert_fails(expected_code, made, stream, request)
    local response, code, detail = made:request(request or REQUEST)
    assert.is_nil(response)
    assert.equal(expected_code, code)
    assert.is_string(detail)
    assert.is_false(made:is_reusable())
    assert.is_true(stream.is_closed)
end

describe("perigee.http.client.connection", function()
    it("sends a request and reads its response", function()
        local made, stream = over { { OK } }
        local response = made:request { method = "POST", target = "/a", fields = { "X", "1" },
            body = "b" }
        assert.same({
            "POST /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nX: 1\r\nContent-Length: 1\r\n\r\nb",
        }, stream.written)
        assert.equal(200, response.status)
        assert.equal("OK", response.reason)
        assert.same({ "Content-Length", "2" }, { unpack(response.fields) })
        assert.equal("2", response:header "content-length")
        assert.equal("ok", response.body)
    end)

    it("reads a response in any number of pieces", function()
        local made = over { { "HTTP/1.1 1", "00 Continue\r\n\r\nHTTP/1.1 204 N", "o Content\r\n",
            "\r\n" } }
        assert.equal(204, made:request(REQUEST).status)
        assert.is_true(made:is_reusable())
    end)

    describe("with a source as body", function()
        local function source(pieces, length, code)
            local i = 0
            return { length = length, read = function()
                i = i + 1
                return pieces[i], not pieces[i] and code or nil
            end }
        end

        it("sends it piece by piece behind the head", function()
            local made, stream = over { {}, {}, { OK } }
            local response = made:request { method = "POST", target = "/",
                body = source({ "ab", "c" }, 3) }
            assert.equal("ok", response.body)
            assert.same({ "POST / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 3\r\n\r\n",
                "ab", "c" }, stream.written)
            assert.is_true(made:is_reusable())
        end)

        it("sends it in chunks when its length is not known, with trailers", function()
            local made, stream = over { {}, {}, {}, { OK } }
            local body = source { "ab", "0123456789" }
            function body.trailers()
                return "X-End: 1\r\n"
            end
            assert.truthy(made:request { method = "POST", target = "/", body = body })
            assert.same({ "POST / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nTransfer-Encoding: chunked"
                .. "\r\n\r\n", "2\r\nab\r\n", "a\r\n0123456789\r\n",
                "0\r\nX-End: 1\r\n\r\n" }, stream.written)
        end)

        it("waits for the invitation it asked for", function()
            local made, stream = over { { "HTTP/1.1 100 Continue\r\n\r\n" }, { OK } }
            local fields = { "Expect", "100-continue" }
            assert.truthy(made:request { method = "POST", target = "/", fields = fields,
                body = source({ "ab" }, 2) })
            assert.equal("ab", stream.written[2])
        end)

        it("does not read it when the answer comes instead", function()
            local made, stream = over { { OK } }
            local body = source({ "ab" }, 2)
            assert.truthy(made:request { method = "POST", target = "/", body = body,
                fields = { "Expect", "100-continue" } })
            assert.equal(1, #stream.written)
            assert.equal("ab", body.read())
            assert.is_false(made:is_reusable())
        end)

        it("fails with it", function()
            local made, stream = over { {}, {} }
            function stream:shutdown()
                self.end_code = "eof"
            end
            assert_fails("canceled", made, stream, { method = "POST", target = "/",
                body = source({ "a" }, 2, "timeout") })
        end)
    end)

    describe("that passes its response on", function()
        local seen

        local function request(options)
            seen = {}
            return {
                target = "/",
                on_head = options.on_head or function(response)
                    seen[#seen + 1] = response.status
                    return true
                end,
                on_piece = options.on_piece or function(bytes)
                    seen[#seen + 1] = bytes
                    return true
                end,
            }
        end

        local HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

        it("gives its head, then its body as it comes", function()
            local made = over { { "HTTP/1.1 100 Continue\r\n\r\n" .. HEAD, "1\r\na\r\n2",
                "\r\nbc\r\n", "1\r\nd\r\n0\r\n\r\n" } }
            local response = made:request(request {})
            assert.same({ 200, "a", "bc" }, seen)
            assert.equal("d", response.body)
            assert.is_true(made:is_reusable())
        end)

        it("returns one that comes all at once", function()
            local made = over { { OK } }
            assert.equal("ok", made:request(request {}).body)
            assert.same({}, seen)
        end)

        it("is closed when nobody takes it", function()
            local function refuse() return nil, "closed" end
            for _, options in ipairs { { on_head = refuse }, { on_piece = refuse } } do
                local made, stream = over { { HEAD, "1\r\na\r\n" } }
                assert_fails("canceled", made, stream, request(options))
            end
        end)

        it("tells that it broke off", function()
            local made, stream = over { { HEAD .. "1\r\na\r\n", code = "eof" } }
            assert_fails("eof", made, stream, request {})
            assert.same({ 200, "a" }, seen)
        end)

        it("waits for more than the head without a deadline", function()
            local made, stream = over { { HEAD, "1\r\na\r\n" } }
            assert_fails("timeout", made, stream, request {})
            assert.is_nil(stream.deadline)
            made, stream = over { { "HTTP/1.1 200 OK\r\n" } }
            assert_fails("timeout", made, stream, request {})
            assert.equal(130, stream.deadline)
        end)

        it("takes both functions or none", function()
            local made = over {}
            assert.has_error(function()
                made:request { target = "/", on_head = print }
            end, "on_head and on_piece must be functions, both or none")
        end)
    end)

    it("is used again", function()
        local made, stream = over { { OK }, { OK } }
        assert.equal("ok", made:request(REQUEST).body)
        assert.is_true(made:is_reusable())
        assert.equal("ok", made:request(REQUEST).body)
        assert.equal(2, #stream.written)
        made:close()
        made:close()
        assert.is_true(stream.is_closed)
        assert.is_false(made:is_reusable())
    end)

    it("waits until the request's time is over", function()
        local made, stream = over { {}, {} }
        assert_fails("timeout", made, stream, { target = "/", timeout_s = 2.5 })
        assert.equal(102.5, stream.deadline)
    end)

    it("waits 30 seconds when the request has no time", function()
        local made, stream = over { { OK } }
        made:request(REQUEST)
        assert.equal(130, stream.deadline)
    end)

    describe("fails and closes", function()
        it("when the server ends it before or inside the response", function()
            for _, bytes in ipairs { "", "HTTP/1.1 200 OK\r\n", OK:sub(1, -2) } do
                assert_fails("eof", over { { bytes, code = "eof" } })
            end
        end)

        it("when it breaks, also in a body that ends with the connection", function()
            assert_fails("closed", over { { code = "closed" } })
            assert_fails("closed", over { { "HTTP/1.1 200 OK\r\n\r\nhel", code = "closed" } })
        end)

        it("when time is over inside the response", function()
            assert_fails("timeout", over { { OK:sub(1, -2) } })
        end)

        it("on a malformed response", function()
            assert_fails("invalid", over { { "HTTP/1.1 OK\r\n" } })
        end)

        it("on a response that is too large", function()
            local made, stream = over { { OK } }
            assert_fails("too_large", made, stream, { target = "/", max_body = 1 })
        end)

        it("when the request cannot be sent", function()
            assert_fails("closed", over { { write_code = "closed", code = "eof" } })
        end)
    end)

    it("reads an answer that came before all of the request was sent", function()
        local made, stream = over {
            { "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n",
                write_code = "closed" },
        }
        assert.equal(413, made:request({ method = "POST", target = "/", body = "b" }).status)
        assert.is_false(made:is_reusable())
        assert.is_true(stream.is_closed)
    end)

    describe("answers once and closes", function()
        local function assert_closes(answer, request)
            local made, stream = over { answer }
            assert.equal("ok", made:request(request or REQUEST).body)
            assert.is_false(made:is_reusable())
            assert.is_true(stream.is_closed)
        end

        it("when the server says so", function()
            assert_closes { (OK:gsub("\r\n", "\r\nConnection: close\r\n", 1)) }
        end)

        it("when the request says so", function()
            assert_closes({ OK }, { target = "/", fields = { "Connection", "close" } })
        end)

        it("in HTTP/1.0", function()
            assert_closes { (OK:gsub("1.1", "1.0", 1)) }
        end)

        it("when the body ends with the connection", function()
            assert_closes { "HTTP/1.1 200 OK\r\n\r\nok", code = "eof" }
        end)

        it("when bytes come behind the response", function()
            assert_closes { OK .. "H" }
        end)
    end)

    it("takes no request after its close", function()
        local made, stream = over { { OK } }
        made:close()
        assert_fails("closed", made, stream)
        assert.same({}, stream.written)
    end)

    it("expects no body in the answer to HEAD", function()
        local made = over { { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" }, { OK } }
        assert.equal("", made:request({ method = "HEAD", target = "/" }).body)
        assert.equal("ok", made:request(REQUEST).body)
    end)

    it("is quiet until the server ends it or says something", function()
        local made, stream = over {}
        assert.is_true(made:is_quiet())
        stream:hear("HTTP/1.1 408 Request Timeout\r\n")
        assert.is_false(made:is_quiet())
        made, stream = over {}
        stream.end_code = "eof"
        assert.is_false(made:is_quiet())
    end)

    it("raises a malformed request at the caller's line", function()
        local made, stream = over {}
        local is_ok, message = pcall(function()
            made:request { target = "/a b" }
        end)
        assert.is_false(is_ok)
        assert.equal(HERE .. (":%d: the target has a space or control character at byte 3"):format(
            debug.getinfo(1, "l").currentline - 4), message)
        assert.same({}, stream.written)
    end)

    it("raises a request in the middle of another one", function()
        local made, stream = over { { OK } }
        local message
        function stream.read()
            message = select(2, pcall(made.request, made, REQUEST))
            return nil, "timeout"
        end
        made:request(REQUEST)
        assert.matches("the connection is in the middle of another request", message)
        assert.equal(1, #stream.written)
    end)
end)
