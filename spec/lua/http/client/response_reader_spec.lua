local response_reader = require "perigee.http.client.response_reader"

local HEAD = "HTTP/1.1 200 OK\r\n"

-- Feeds `text` in pieces of `size` bytes and then, if `is_ended`, the end of the connection.
-- Returns the reader and what it said last.
local function feed(options, text, size, is_ended)
    local reader = response_reader.new(options)
    local response, code, detail = nil, "again", nil
    for from = 1, #text, size do
        response, code, detail = reader:push(text:sub(from, from + size - 1))
        if code ~= "again" then
            return reader, response, code, detail
        end
    end
    if is_ended then
        response, code, detail = reader:finish()
    end
    return reader, response, code, detail
end

local function with_defaults(options)
    return { method = options and options.method or "GET", max_body = options and options.max_body }
end

-- Runs `check` on what comes of `text` whole, in bytes, and in a size that fits no line.
local function each_split(text, options, check)
    for _, size in ipairs { #text, 1, 7 } do
        check(feed(with_defaults(options), text, size, options and options.is_ended))
    end
end

local function assert_reads(text, expected, options)
    each_split(text, options, function(_, response, code, detail)
        assert.is_not_nil(response, ("%s: %s"):format(tostring(code), tostring(detail)))
        for key, value in pairs(expected) do
            assert.same(value, key == "fields" and { unpack(response.fields) } or response[key])
        end
    end)
end

local function assert_refuses(text, expected, options)
    each_split(text, options, function(_, response, code, detail)
        assert.is_nil(response)
        assert.equal(expected, code)
        assert.is_string(detail)
    end)
end

local function assert_waits(text)
    each_split(text, nil, function(_, response, code)
        assert.is_nil(response)
        assert.equal("again", code)
    end)
end

local function is_reusable(text, options)
    local answer
    each_split(text, options, function(reader, response)
        assert.is_not_nil(response)
        assert.is_true(answer == nil or answer == reader:is_reusable())
        answer = reader:is_reusable()
    end)
    return answer
end

describe("perigee.http.client.response_reader", function()
    describe("the status line", function()
        it("gives status and reason", function()
            assert_reads("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                { status = 404, reason = "Not Found", body = "" })
        end)

        it("may have no reason, with or without the space before it", function()
            assert_reads("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
                { status = 200, reason = "" })
            assert_reads("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", { status = 200, reason = "" })
        end)

        it("may be of any minor version", function()
            assert_reads("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", { status = 200 })
            assert_reads("HTTP/1.7 599 OK\r\nContent-Length: 0\r\n\r\n", { status = 599 })
        end)

        for _, line in ipairs {
            "", "HTTP/2 200 OK", "HTTP/2.0 200 OK", "http/1.1 200 OK", "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK",
            "HTTP/1.1\t200 OK", "HTTP/1.11 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1 200 O\0K",
            "HTTP/1.1 200 O\rK", "HTTP/1.1 +20 OK",
        } do
            it(("is refused as %q"):format(line), function()
                assert_refuses(line .. "\r\nContent-Length: 0\r\n\r\n", "invalid")
            end)
        end
    end)

    describe("fields", function()
        it("come as they were received", function()
            assert_reads(HEAD .. "Content-Length: 0\r\nX-A: 1\r\nx-a:  b c\t \r\nEmpty:\r\n\r\n", {
                fields = { "Content-Length", "0", "X-A", "1", "x-a", "b c", "Empty", "" },
            })
        end)

        it("are found without regard to case", function()
            local reader = response_reader.new { method = "GET" }
            local response = reader:push(HEAD .. "content-length: 0\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
            assert.equal("1, 2", response:header "X-a")
            assert.is_nil(response:header "X-B")
        end)

        it("may hold bytes that are not ASCII", function()
            assert_reads(HEAD .. "Content-Length: 0\r\nX-A: \255ö\r\n\r\n",
                { fields = { "Content-Length", "0", "X-A", "\255ö" } })
        end)

        for _, line in ipairs {
            "no colon", ": no name", "blank before : colon", "X A: 1", " folded: 1", "\tfolded",
            "X-A: \1", "X-A: a\rb", "X-A: \127", "X-A: \0", "X\0A: 1", "Ä: 1",
        } do
            it(("are refused as %q"):format(line), function()
                assert_refuses(HEAD .. "Content-Length: 0\r\n" .. line .. "\r\n\r\n", "invalid")
            end)
        end

        it("must end with CRLF", function()
            assert_refuses("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "invalid")
            assert_refuses(HEAD .. "Content-Length: 0\n\r\n", "invalid")
            assert_refuses(HEAD .. "Content-Length: 0\r\n\n", "invalid")
            assert_refuses(HEAD .. "X-A: 1\r\r\n\r\n", "invalid")
        end)

        it("are at most 200", function()
            local lines = ("X: 1\r\n"):rep(199)
            assert_reads(HEAD .. "Content-Length: 0\r\n" .. lines .. "\r\n", { status = 200 })
            assert_refuses(HEAD .. "Content-Length: 0\r\n" .. lines .. "X: 1\r\n\r\n", "too_large")
        end)

        it("fill at most 64 KiB with the status line", function()
            local rest = 64 * 1024 - #(HEAD .. "Content-Length: 0\r\nX: \r\n\r\n")
            local text = HEAD .. "Content-Length: 0\r\nX: %s\r\n\r\n"
            assert_reads(text:format(("a"):rep(rest)), { status = 200 })
            assert_refuses(text:format(("a"):rep(rest + 1)), "too_large")
        end)

        it("are bounded also when no line ends", function()
            assert_waits(("a"):rep(64 * 1024))
            assert_refuses(("a"):rep(64 * 1024 + 1), "too_large")
        end)

        it("are trimmed in linear time", function()
            local value = (" "):rep(30000) .. "a" .. (" "):rep(30000) .. "b"
            assert_reads(HEAD .. "Content-Length: 0\r\nX:" .. value .. "\r\n\r\n",
                { fields = { "Content-Length", "0", "X", "a" .. (" "):rep(30000) .. "b" } })
        end)
    end)

    describe("a sized body", function()
        it("has exactly its size", function()
            assert_reads(HEAD .. "Content-Length: 5\r\n\r\nhello", { body = "hello" })
            assert_reads(HEAD .. "Content-Length: 0005\r\n\r\nhello", { body = "hello" })
            assert_waits(HEAD .. "Content-Length: 5\r\n\r\nhell")
        end)

        it("may hold any bytes", function()
            local body = "\r\n\0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\255"
            assert_reads(HEAD .. ("Content-Length: %d\r\n\r\n"):format(#body) .. body,
                { body = body })
        end)

        it("is put together of any number of pieces", function()
            local body = ("0123456789"):rep(1000)
            assert_reads(HEAD .. "Content-Length: 10000\r\n\r\n" .. body, { body = body })
        end)

        it("that ends too early is no response", function()
            assert_refuses(HEAD .. "Content-Length: 5\r\n\r\nhell", "eof", { is_ended = true })
        end)

        it("is bounded before a byte of it came", function()
            assert_reads(HEAD .. "Content-Length: 5\r\n\r\nhello", { body = "hello" },
                { max_body = 5 })
            assert_refuses(HEAD .. "Content-Length: 6\r\n\r\n", "too_large", { max_body = 5 })
            assert_refuses(HEAD .. "Content-Length: 67108865\r\n\r\n", "too_large")
            assert_waits(HEAD .. "Content-Length: 67108864\r\n\r\n")
            assert_refuses(HEAD .. "Content-Length: " .. ("9"):rep(400) .. "\r\n\r\n", "too_large")
        end)

        for _, value in ipairs {
            "", "-1", "+1", "1.0", "0x1", "1e1", "1 1", "1, 1", "1,", "one",
        } do
            it(("is refused with the size %q"):format(value), function()
                assert_refuses(HEAD .. "Content-Length: " .. value .. "\r\n\r\n1", "invalid")
            end)
        end

        it("is refused with two sizes, also equal ones", function()
            assert_refuses(HEAD .. "Content-Length: 1\r\nContent-Length: 2\r\n\r\n1", "invalid")
            assert_refuses(HEAD .. "Content-Length: 1\r\ncontent-length: 1\r\n\r\n1", "invalid")
        end)
    end)

    describe("a chunked body", function()
        local CHUNKED = HEAD .. "Transfer-Encoding: chunked\r\n\r\n"

        it("is joined", function()
            assert_reads(CHUNKED .. "5\r\nhello\r\n1\r\n \r\n05\r\nworld\r\n0\r\n\r\n",
                { body = "hello world" })
            assert_reads(CHUNKED .. "0\r\n\r\n", { body = "" })
            assert_reads(CHUNKED .. "1a\r\n" .. ("x"):rep(26) .. "\r\n1A\r\n" .. ("y"):rep(26)
                .. "\r\n000\r\n\r\n", { body = ("x"):rep(26) .. ("y"):rep(26) })
        end)

        it("may hold what looks like framing", function()
            assert_reads(CHUNKED .. "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", { body = "\r\n0\r\n\r\n" })
        end)

        it("names its coding without regard to case", function()
            assert_reads(HEAD .. "transfer-encoding: Chunked\r\n\r\n0\r\n\r\n", { body = "" })
        end)

        it("may have extensions, which are dropped, and trailers", function()
            assert_reads(CHUNKED .. '1;a\r\nx\r\n1 ;b="c;\\"d" ;e\r\ny\r\n0;f=g\r\nX-T: 1\r\n\r\n',
                { body = "xy", fields = { "Transfer-Encoding", "chunked" } })
        end)

        it("may have any number of chunks", function()
            assert_reads(CHUNKED .. ("1\r\nx\r\n"):rep(30000) .. "0\r\n\r\n",
                { body = ("x"):rep(30000) })
        end)

        it("that ends too early is no response", function()
            local beginnings = { "", "5", "5\r\nhell", "5\r\nhello\r\n", "0\r\n", "0\r\nX: 1\r\n" }
            for _, text in ipairs(beginnings) do
                assert_refuses(CHUNKED .. text, "eof", { is_ended = true })
            end
        end)

        for _, text in ipairs {
            "\r\n", "x\r\n", " 1\r\nx\r\n", "-1\r\n", "0x1\r\n", "1 \r\nx\r\n", "1\t\r\nx\r\n",
            "1\nx\r\n", "1;a\nx", "1;\1\r\nx\r\n", "1;a\rb\r\nx\r\n", "1,\r\nx\r\n", "1\r\nxy",
            "1\r\nx\n", "1\r\nx\r0", "1\r\nx\r\r\n", "00000000000000001\r\n", "1\r\nx\r\n\r\n",
            "0\r\nX T: 1\r\n\r\n", "0\r\n folded\r\n", "0\r\nX: 1\n",
        } do
            it(("is refused as %q"):format(text), function()
                assert_refuses(CHUNKED .. text, "invalid")
            end)
        end

        it("is bounded as a whole, before a chunk's content came", function()
            assert_reads(CHUNKED .. "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", { body = "abcde" },
                { max_body = 5 })
            assert_refuses(CHUNKED .. "3\r\nabc\r\n3\r\n", "too_large", { max_body = 5 })
            assert_refuses(CHUNKED .. "ffffffffffffffff\r\n", "too_large")
        end)

        it("has at most 64 KiB of extensions and trailers", function()
            assert_reads(CHUNKED .. ("1;" .. ("a"):rep(999) .. "\r\nx\r\n"):rep(65) .. "0\r\n\r\n",
                { body = ("x"):rep(65) })
            assert_refuses(CHUNKED .. ("1;" .. ("a"):rep(999) .. "\r\nx\r\n"):rep(66), "too_large")
            assert_refuses(CHUNKED .. "0\r\nX: " .. ("a"):rep(64 * 1024), "too_large")
        end)

        it("has at most 200 trailers", function()
            assert_reads(CHUNKED .. "0\r\n" .. ("X: 1\r\n"):rep(200) .. "\r\n", { body = "" })
            assert_refuses(CHUNKED .. "0\r\n" .. ("X: 1\r\n"):rep(201), "too_large")
        end)

        it("is refused with any other length", function()
            assert_refuses(HEAD .. "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                "invalid")
            assert_refuses(HEAD .. "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                "invalid")
            assert_refuses("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "invalid")
        end)

        for _, value in ipairs {
            "", "gzip", "gzip, chunked", "chunked, chunked", "chunked;a=b", "identity", "xchunked",
        } do
            it(("is refused with the coding %q"):format(value), function()
                assert_refuses(HEAD .. "Transfer-Encoding: " .. value .. "\r\n\r\n0\r\n\r\n",
                    "invalid")
            end)
        end

        it("is refused when its coding is named twice", function()
            assert_refuses(HEAD .. ("Transfer-Encoding: chunked\r\n"):rep(2) .. "\r\n", "invalid")
        end)
    end)

    describe("a body without a length", function()
        it("ends with the connection", function()
            assert_waits(HEAD .. "\r\nhello")
            assert_reads(HEAD .. "\r\nhello", { body = "hello" }, { is_ended = true })
            assert_reads(HEAD .. "\r\n", { body = "" }, { is_ended = true })
        end)

        it("is bounded", function()
            assert_reads(HEAD .. "\r\nhello", { body = "hello" }, { max_body = 5, is_ended = true })
            assert_refuses(HEAD .. "\r\nhello!", "too_large", { max_body = 5 })
        end)
    end)

    describe("no body", function()
        it("has the answer to HEAD, whatever length it has", function()
            for _, line in ipairs {
                "Content-Length: 5\r\n", "Content-Length: 99999999999\r\n",
                "Transfer-Encoding: chunked\r\n", "",
            } do
                assert_reads(HEAD .. line .. "\r\n", { body = "" }, { method = "HEAD" })
            end
        end)

        it("have 204 and 304", function()
            assert_reads("HTTP/1.1 204 No Content\r\n\r\n", { status = 204, body = "" })
            assert_reads("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                { status = 304, body = "" })
        end)

        it("excuses no malformed length", function()
            assert_refuses(HEAD .. "Content-Length: x\r\n\r\n", "invalid", { method = "HEAD" })
        end)
    end)

    describe("interim responses", function()
        local CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
        local HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"

        it("are skipped with their fields", function()
            assert_reads(CONTINUE .. HINTS .. HEAD .. "Content-Length: 2\r\n\r\nok",
                { status = 200, fields = { "Content-Length", "2" }, body = "ok" })
        end)

        it("alone are no response", function()
            assert_waits(CONTINUE)
            assert_refuses(CONTINUE, "eof", { is_ended = true })
        end)

        it("must not switch the protocol or announce a body", function()
            assert_refuses("HTTP/1.1 101 Switching Protocols\r\n\r\n", "invalid")
            assert_refuses("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", "invalid")
            assert_refuses("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
                "invalid")
        end)

        it("share the limits of the response", function()
            assert_refuses(HINTS:rep(201), "too_large")
            assert_refuses(CONTINUE:rep(64 * 1024 / #CONTINUE + 1), "too_large")
        end)
    end)

    describe("the end of the connection", function()
        it("says where the response was", function()
            for text, place in pairs {
                [""] = "before the response",
                ["HTTP/1.1 2"] = "inside the head",
                [HEAD .. "Content-Length: 5\r\n\r\nhe"] = "inside the body",
            } do
                local reader = response_reader.new { method = "GET" }
                reader:push(text)
                local response, code, detail = reader:finish()
                assert.is_nil(response)
                assert.equal("eof", code)
                assert.equal("the connection ended " .. place, detail)
                assert.equal(text ~= "", reader:is_begun())
            end
        end)
    end)

    describe("the connection", function()
        it("goes on in HTTP/1.1", function()
            assert.is_true(is_reusable(HEAD .. "Content-Length: 2\r\n\r\nok"))
            assert.is_true(is_reusable(HEAD .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
            assert.is_true(is_reusable("HTTP/1.1 204 No Content\r\n\r\n"))
            assert.is_true(is_reusable("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"))
            assert.is_true(is_reusable(HEAD .. "Content-Length: 5\r\n\r\n", { method = "HEAD" }))
        end)

        it("ends when the server says so, in any of its fields", function()
            local head = HEAD .. "Content-Length: 0\r\n"
            assert.is_false(is_reusable(head .. "Connection: Close\r\n\r\n"))
            assert.is_false(is_reusable(head .. "Connection: x\r\nConnection: y,close\r\n\r\n"))
            assert.is_true(is_reusable(head .. "Connection: closed\r\n\r\n"))
        end)

        it("ends in HTTP/1.0 unless the server says that it goes on", function()
            local head = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n"
            assert.is_false(is_reusable(head .. "\r\n"))
            assert.is_true(is_reusable(head .. "Connection: Keep-Alive\r\n\r\n"))
            assert.is_false(is_reusable(head .. "Connection: keep-alive, close\r\n\r\n"))
        end)

        it("ends when it was the end of the body", function()
            assert.is_false(is_reusable(HEAD .. "\r\nhello", { is_ended = true }))
        end)

        it("ends after a 204 that announces a body", function()
            local head = "HTTP/1.1 204 No Content\r\n"
            assert.is_false(is_reusable(head .. "Content-Length: 5\r\n\r\n"))
            assert.is_false(is_reusable(head .. "Transfer-Encoding: chunked\r\n\r\n"))
        end)

        it("ends when bytes come behind the response", function()
            local reader = response_reader.new { method = "GET" }
            local response = reader:push(HEAD .. "Content-Length: 2\r\n\r\nok!")
            assert.equal("ok", response.body)
            assert.is_false(reader:is_reusable())
        end)

        it("is not to be used before the response is complete", function()
            assert.is_false(response_reader.new({ method = "GET" }):is_reusable())
        end)
    end)

    it("gives long or dirty bytes of a peer as an excerpt", function()
        local reader = response_reader.new { method = "GET" }
        local _, _, detail = reader:push("\27[2J" .. ("x"):rep(1000) .. "\r\n")
        assert.equal('the status line "?[2J' .. ("x"):rep(56) .. '..." is malformed', detail)
    end)
end)
