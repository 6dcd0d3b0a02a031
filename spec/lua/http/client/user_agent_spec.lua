local context = require "perigee.core.context"
local http = require "perigee.http"
local http_peer = require "spec.support.http_peer"
local observers = require "perigee.http.client.observers"
local perigee = require "perigee"
local service_resolver = require "perigee.http.client.service_resolver"

local compose = http_peer.compose

describe("http.client", function()
    local peer, client, answer

    before_each(function()
        function answer()
            return compose(200, "ok")
        end
        peer = http_peer.start(function(...)
            return answer(...)
        end)
        client = http.client { timeout_s = 20 }
    end)

    after_each(function()
        client:close()
        peer.stop()
        service_resolver.install(false)
    end)

    local function last()
        return peer.requests[#peer.requests]
    end

    describe("sends", function()
        it("what it is asked to, and what every request has", function()
            local response = assert(client:get("http://a.test/x?y=1#z"))
            assert.equal("ok", response:text())
            assert.same({ 200, "Any", "http://a.test/x?y=1" },
                { response.status, response.reason, response.url })
            assert.equal("GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: perigee\r\n"
                .. "Accept-Encoding: gzip\r\n", last().head)
            assert.same({ "a.test:80" }, peer.addresses)
        end)

        it("to the port of the URL, and to a number", function()
            client:get("http://a.test:81/")
            assert.equal("a.test:81", last().headers:get("host"))
            client:get("http://[::1]:82/")
            assert.equal("[::1]:82", last().headers:get("host"))
            assert.same({ "a.test:81", "[::1]:82" }, peer.addresses)
        end)

        it("queries behind what the URL has", function()
            client:get("http://a.test/x?y=1", { query = { b = "a b", a = { 1, 2 } } })
            assert.equal("/x?y=1&a=1&a=2&b=a%20b", last().target)
        end)

        it("header fields of the client and of the request, which counts more", function()
            client = http.client { headers = { ["X-A"] = "1", ["X-B"] = "1",
                ["User-Agent"] = "me" } }
            client:get("http://a.test/", { headers = { ["x-b"] = { "2", "3" }, Host = "b.test" } })
            assert.equal("GET / HTTP/1.1\r\nHost: b.test\r\nUser-Agent: me\r\nX-A: 1\r\n"
                .. "x-b: 2\r\nx-b: 3\r\nAccept-Encoding: gzip\r\n", last().head)
            client:get("http://a.test/", { headers = { "X-B", "2" } })
            assert.equal("2", last().headers:get("x-b"))
        end)

        it("the credentials of a URL", function()
            client:get("http://ann:pass%20word@a.test/")
            assert.equal("Basic YW5uOnBhc3Mgd29yZA==", last().headers:get("authorization"))
            assert.is_nil((last().head:find("pass", 1, true)))
            client:get("http://ann:x@a.test/", { headers = { Authorization = "Bearer 1" } })
            assert.equal("Bearer 1", last().headers:get("authorization"))
        end)

        it("bodies of each kind", function()
            client:post("http://a.test/", "text")
            assert.same({ "text", "POST" }, { last().body, last().method })
            assert.is_nil((last().headers:get("content-type")))
            client:put("http://a.test/", { json = { a = 1 } })
            assert.same({ '{"a":1}', "application/json", "PUT" },
                { last().body, last().headers:get("content-type"), last().method })
            client:patch("http://a.test/", { form = { a = "1 2" } })
            assert.same({ "a=1%202", "application/x-www-form-urlencoded", "PATCH" },
                { last().body, last().headers:get("content-type"), last().method })
            client:post("http://a.test/")
            assert.equal("0", last().headers:get("content-length"))
            client:delete("http://a.test/", { headers = { ["Content-Type"] = "x" }, json = 1 })
            assert.same({ "1", "x", "DELETE" },
                { last().body, last().headers:get("content-type"), last().method })
        end)

        it("bodies that come in pieces", function()
            local pieces = { "ab", "", "c" }
            local i = 0
            local function give()
                i = i + 1
                return pieces[i]
            end
            client:post("http://a.test/", give, { content_length = 3 })
            assert.same({ "abc", "3" }, { last().body, last().headers:get("content-length") })

            local seen
            function answer(request, far)
                assert.equal("chunked", request.headers:get("transfer-encoding"))
                seen = request.rest
                while not seen:find("0\r\n\r\n", 1, true) do
                    seen = seen .. assert(far:read())
                end
                return compose(200, "ok"), true
            end
            local channel = perigee.chan(3)
            channel:send("ab")
            channel:send("c")
            channel:close()
            assert.equal("ok", client:post("http://a.test/", channel):text())
            assert.equal("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", seen)
        end)

        it("no body that has another size than was said", function()
            local function give_once(text)
                return function()
                    local given = text
                    text = nil
                    return given
                end
            end
            for text, problem in pairs { abcd = "more", ab = "less" } do
                local is_ok, message = pcall(client.post, client, "http://a.test/",
                    give_once(text), { content_length = 3 })
                assert.is_false(is_ok)
                assert.equal(("the body has %s than the 3 bytes of content_length"):format(problem),
                    message)
            end
        end)

        it("raises where it was asked what a body raises", function()
            function answer()
                return nil
            end
            local failure = {}
            local is_ok, raised = pcall(client.post, client, "http://a.test/", function()
                error(failure, 0)
            end)
            assert.is_false(is_ok)
            assert.equal(failure, raised)
            is_ok, raised = pcall(client.post, client, "http://a.test/", function()
                return 5
            end)
            assert.is_false(is_ok)
            assert.equal("a body in pieces gives strings, got number", raised)
        end)
    end)

    describe("reads", function()
        it("a body at once, in pieces of a size, and as JSON", function()
            function answer()
                return compose(200, '{"a":[1,null]}')
            end
            local response = client:get("http://a.test/")
            assert.equal('{"a":[1,null]}', response:text())
            assert.equal(1, response:json().a[1])
            response = client:get("http://a.test/", { stream = true })
            assert.equal('{"a', response:read(3))
            assert.equal('":[1,null]}', response:text())
            assert.is_nil((response:read()))
            function answer()
                return compose(200, "<html>")
            end
            local value, code, detail = client:get("http://a.test/"):json()
            assert.same({ nil, "invalid" }, { value, code })
            assert.is_truthy(detail:find("^http://a%.test/: the body is no JSON: "))
        end)

        it("a stream as it comes, with trailers behind it", function()
            local go_on = perigee.chan()
            function answer(_, far)
                far:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                go_on:recv()
                far:write("1\r\nb\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n")
            end
            local response = assert(client:get("http://a.test/", { stream = true }))
            assert.equal("a", response:read())
            assert.has_error(function()
                response:trailers()
            end, "trailers come behind the body: read it first")
            go_on:send(true)
            local chunks = {}
            for chunk in response:chunks() do
                chunks[#chunks + 1] = chunk
            end
            assert.same({ "b" }, chunks)
            assert.same({ "X-Sum", "7" }, { unpack(response:trailers()) })
        end)

        it("no more than it may", function()
            function answer()
                return compose(200, "12345")
            end
            assert.equal("12345", client:get("http://a.test/", { max_body = 5 }):text())
            assert.same({ nil, "too_large",
                "http://a.test/: the body is larger than 4 bytes (max_body)" },
                { client:get("http://a.test/", { max_body = 4 }) })
            local _, code = client:get("http://a.test/", { max_head = 20 })
            assert.equal("too_large", code)
        end)

        it("raises in chunks when a body breaks off", function()
            function answer()
                return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true
            end
            local response = client:get("http://a.test/", { stream = true })
            local seen = {}
            local is_ok, message = pcall(function()
                for chunk in response:chunks() do
                    seen[#seen + 1] = chunk
                end
            end)
            assert.same({ false, { "ab" } }, { is_ok, seen })
            assert.is_truthy(message:find("the connection ended inside the body (eof)", 1, true))
            assert.same({ nil, "eof",
                "http://a.test/: the connection ended inside the body" },
                { client:get("http://a.test/") })
        end)

        it("nothing of an ambiguous answer, whose connection ends", function()
            local ambiguous = {
                "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
                "Content-Length: +2\r\n\r\nok",
                "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                "X: 1\nContent-Length: 2\r\n\r\nok",
                "X : 1\r\nContent-Length: 2\r\n\r\nok",
                " Content-Length: 2\r\n\r\nok",
            }
            for i, text in ipairs(ambiguous) do
                function answer()
                    return "HTTP/1.1 200 OK\r\n" .. text
                end
                local _, code = client:get("http://a.test/")
                assert.equal("invalid", code, text)
                assert.equal(i, peer.count)
            end
        end)
    end)

    describe("keeps connections", function()
        it("for the next request to the same place", function()
            for _ = 1, 3 do
                client:get("http://a.test/")
            end
            client:get("http://b.test/")
            assert.same({ "a.test:80", "b.test:80" }, peer.addresses)
            local counters = client:counters()
            assert.same({ 4, 2, 2, 0 }, { counters.requests, counters.hosts, counters.idle,
                counters.busy })
        end)

        it("when a response was closed at its end, and not before", function()
            local response = client:get("http://a.test/", { stream = true })
            response:text()
            response:close()
            response = client:get("http://a.test/", { stream = true })
            assert.equal(1, peer.count)
            response:close()
            function answer()
                return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
            end
            response = client:get("http://a.test/", { stream = true })
            response:close()
            client:get("http://a.test/", { stream = true }):close()
            assert.equal(2, peer.count)
            assert.equal(0, client:counters().busy)
        end)

        it("and asks once more when a kept one has ended, where that is safe", function()
            function answer(request)
                if request.number == 1 and #peer.requests > 1 then
                    return nil, true
                end
                return compose(200, "ok")
            end
            client:get("http://a.test/")
            assert.equal("ok", client:get("http://a.test/"):text())
            assert.same({ 3, 1 }, { #peer.requests, client:counters().repeats })
        end)

        it("and does not where it is not", function()
            function answer(request)
                if #peer.requests > 1 then
                    return nil, true
                end
                return compose(200, "ok " .. request.method)
            end
            client:get("http://a.test/")
            local _, code = client:post("http://a.test/", "x")
            assert.equal("eof", code)
            assert.equal(2, #peer.requests)
        end)

        it("to so many hosts, those used last", function()
            client = http.client { max_hosts = 2 }
            for _, name in ipairs { "a", "b", "a", "c", "a", "b" } do
                client:get(("http://%s.test/"):format(name))
            end
            assert.same({ "a.test:80", "b.test:80", "c.test:80", "b.test:80" }, peer.addresses)
            local open = { client:get("http://a.test/", { stream = true }) }
            function answer()
                return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
            end
            open[1] = client:get("http://a.test/", { stream = true })
            open[2] = client:get("http://b.test/", { stream = true })
            assert.same({ nil, "full",
                "http://c.test/: requests to 2 hosts are under way (max_hosts)" },
                { client:get("http://c.test/") })
            open[1]:close()
            open[2]:close()
        end)

        it("no more to one host than it may", function()
            client = http.client { max_connections = 1, timeout_s = 0.05 }
            function answer()
                return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
            end
            local first = client:get("http://a.test/", { stream = true })
            assert.same({ nil, "timeout", "http://a.test/: timeout after 50 ms while waiting for a "
                .. "free connection (timeout_s)" }, { client:get("http://a.test/") })
            first:close()
        end)

        it("until it is closed", function()
            client:get("http://a.test/")
            client:close()
            assert.same({ nil, "closed", "http://a.test/: the client is closed" },
                { client:get("http://a.test/") })
        end)
    end)

    describe("goes where it is sent", function()
        local function lead(locations, status)
            function answer(request)
                local location = locations[("http://%s%s"):format(request.headers:get("host"),
                    request.target)]
                if location then
                    return compose(status or 302, "elsewhere", { "Location", location })
                end
                return compose(200, request.method .. " " .. request.body)
            end
        end

        it("and tells where it is then", function()
            lead { ["http://a.test/1"] = "/2", ["http://a.test/2"] = "http://b.test/3?x#y" }
            local response = client:get("http://a.test/1")
            assert.same({ "http://b.test/3?x", "GET " }, { response.url, response:text() })
            assert.equal("http://a.test/2", last().headers:get("referer"))
            assert.same({ 2, 2, 1 }, { peer.count, client:counters().redirects,
                client:counters().requests })
        end)

        it("ten times at most, or as often as is said", function()
            lead(setmetatable({}, { __index = function()
                return "/again"
            end }))
            local _, code, detail = client:get("http://a.test/")
            assert.equal("too_many_redirects", code)
            assert.equal("http://a.test/again: stopped after 10 redirects (max_redirects), the "
                .. "next one to /again", detail)
            assert.equal(11, #peer.requests)
            client:get("http://a.test/", { max_redirects = 1 })
            assert.equal(13, #peer.requests)
            local response = client:get("http://a.test/", { max_redirects = 0 })
            assert.same({ 302, "elsewhere", 14 }, { response.status, response:text(),
                #peer.requests })
        end)

        it("with the method and body that the status keeps", function()
            for status, text in pairs { [301] = "GET ", [302] = "GET ", [303] = "GET ",
                [307] = "PUT body", [308] = "PUT body" } do
                lead({ ["http://a.test/1"] = "/2" }, status)
                local response = client:put("http://a.test/1", "body", {
                    headers = { ["Content-Type"] = "text/plain" } })
                assert.equal(text, response:text())
                assert.equal(status >= 307 and "text/plain" or nil,
                    last().headers:get("content-type"))
            end
            lead({ ["http://a.test/1"] = "/2" }, 301)
            client:head("http://a.test/1")
            assert.equal("HEAD", last().method)
        end)

        it("not with a body that cannot be sent again", function()
            lead({ ["http://a.test/1"] = "/2" }, 307)
            local text = "x"
            local response = client:post("http://a.test/1", function()
                local given = text
                text = nil
                return given
            end, { content_length = 1 })
            assert.equal(307, response.status)
        end)

        it("not out of HTTP", function()
            for _, location in ipairs { "file:///etc", "http+service://users/", "gopher://a" } do
                lead { ["http://a.test/1"] = location }
                local response, code = client:get("http://a.test/1")
                assert.same({ nil, "invalid" }, { response, code })
            end
        end)
    end)

    describe("unzips", function()
        local gzip = require "perigee.core.gzip"

        local function zip(text)
            return assert(gzip.open(6)):write(text, "end")
        end

        it("what it has asked for of itself", function()
            function answer()
                return compose(200, zip("hello"), { "Content-Encoding", "gzip" })
            end
            local response = client:get("http://a.test/")
            assert.equal("hello", response:text())
            assert.is_nil((response:header("content-encoding")))
            assert.is_nil((response:header("content-length")))
        end)

        it("only that", function()
            local zipped = zip("hello")
            function answer()
                return compose(200, zipped, { "Content-Encoding", "gzip" })
            end
            for _, options in ipairs { { gzip = false }, { headers = { Range = "bytes=0-" } },
                { headers = { ["Accept-Encoding"] = "gzip" } } } do
                local response = client:get("http://a.test/", options)
                assert.equal(zipped, response:text())
                assert.equal("gzip", response:header("content-encoding"))
            end
            assert.equal("", client:head("http://a.test/"):text())
            assert.is_nil((last().headers:get("accept-encoding")))
        end)

        it("no more than it may", function()
            local zipped = zip(("x"):rep(1000000))
            function answer()
                return compose(200, zipped, { "Content-Encoding", "gzip" })
            end
            local response, code = client:get("http://a.test/", { max_body = 999999 })
            assert.same({ nil, "too_large" }, { response, code })
            assert.equal(1000000, #client:get("http://a.test/", { max_body = 1000000 }):text())
            response = client:get("http://a.test/", { stream = true })
            assert.equal(64 * 1024, #response:read())
            response:close()
        end)

        it("nothing that is no gzip, or not all of it", function()
            local zipped = zip("hello")
            for _, body in ipairs { "plain", zipped:sub(1, -2), zipped .. "x" } do
                function answer()
                    return compose(200, body, { "Content-Encoding", "gzip" })
                end
                local response, code = client:get("http://a.test/")
                assert.same({ nil, "invalid" }, { response, code })
            end
            function answer()
                return compose(200, "", { "Content-Encoding", "gzip" })
            end
            assert.equal("", client:get("http://a.test/"):text())
        end)
    end)

    describe("has a time for", function()
        it("the whole call", function()
            function answer()
                return nil
            end
            client = http.client {}
            assert.same({ nil, "timeout", "http://a.test/: timeout after 30 ms while waiting for "
                .. "the response (timeout_s)" }, { client:get("http://a.test/",
                { timeout_s = 0.03 }) })
        end)

        it("the head, and each piece of the body", function()
            function answer()
                return nil
            end
            assert.same({ nil, "timeout", "http://a.test/: timeout after 20 ms while waiting for "
                .. "the response (head_timeout_s)" }, { client:get("http://a.test/",
                { head_timeout_s = 0.02 }) })
            function answer()
                return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
            end
            local expected = { nil, "timeout", "http://a.test/: timeout after 20 ms while reading "
                .. "the body (progress_timeout_s)" }
            assert.same(expected, { client:get("http://a.test/", { progress_timeout_s = 0.02 }) })
            local response = client:get("http://a.test/", { progress_timeout_s = 0.02,
                stream = true })
            assert.equal("ab", response:read())
            assert.same(expected, { response:read() })
            assert.same(expected, { response:text() })
        end)

        it("each phase of connecting", function()
            peer.failure = "timeout"
            for phase, text in pairs {
                lookup = "2000 ms while looking up the name (lookup_timeout_s by default)",
                connect = "1000 ms while connecting (connect_timeout_s by default)",
            } do
                peer.failed_phase = phase
                assert.same({ nil, "timeout", "http://a.test/: timeout after " .. text },
                    { client:get("http://a.test/") })
            end
            assert.same({ 2, 1 }, { peer.options.lookup_s, peer.options.connect_s })
        end)

        it("no longer than the task", function()
            function answer()
                return nil
            end
            local inner = context.with_timeout(context.current(), 0.02)
            assert.same({ nil, "timeout", "http://a.test/: timeout while waiting for the response "
                .. "(the deadline of the task's context)" },
                { inner:run(client.get, client, "http://a.test/") })
            local canceled, cancel = context.with_cancel(context.current())
            perigee.after_func(0.01, function()
                cancel("enough")
            end)
            assert.same({ nil, "canceled", "http://a.test/: canceled: enough" },
                { canceled:run(client.get, client, "http://a.test/") })
        end)
    end)

    it("tells why it cannot connect", function()
        peer.failure, peer.failed_phase = "refused", "connect"
        assert.same({ nil, "refused", "http://a.test/: cannot connect: refused" },
            { client:get("http://a.test/") })
        assert.equal(1, client:counters().failures)
    end)

    it("tells observers of each attempt, who may add fields", function()
        local told = {}
        local function observe(attempt)
            attempt.headers:set("Traceparent", "1")
            told[#told + 1] = attempt.method .. " " .. attempt.url
            return function(response, code)
                told[#told + 1] = response and response.status or code
            end
        end
        function answer(request)
            return request.target == "/1" and compose(302, "", { "Location", "/2" })
                or compose(200, "ok")
        end
        observers.install(observe)
        client:get("http://a.test/1")
        observers.remove(observe)
        assert.equal("1", last().headers:get("traceparent"))
        assert.same({ "GET http://a.test/1", 302, "GET http://a.test/2", 200 }, told)
    end)

    describe("has services asked by who knows them", function()
        it("at the places that one says", function()
            local given
            service_resolver.install(function(asking, request)
                given = request
                request.headers:set("X-Hop", "1")
                peer.failure = "refused"
                local response, code, _, is_unsent = asking:attempt(request,
                    { address = "10.0.0.1:80" })
                assert.same({ nil, "refused", true }, { response, code, is_unsent })
                peer.failure = nil
                return asking:attempt(request, { address = "10.0.0.2:8080", mount = "/users" })
            end)
            local response = client:put("http+service://users/42?a=1", "text",
                { destination = { key = 7 } })
            assert.same({ "ok", "http+service://users/42?a=1" }, { response:text(), response.url })
            assert.same({ "10.0.0.1:80", "10.0.0.2:8080" }, peer.addresses)
            assert.same({ "/users/42?a=1", "10.0.0.2:8080", "1", "text" }, { last().target,
                last().headers:get("host"), last().headers:get("x-hop"), last().body })
            assert.same({ "users", "PUT", "/42?a=1", true, true, 7 }, { given.service,
                given.method, given.target, given.is_idempotent, given.is_repeatable,
                given.destination.key })
            assert.is_true(given.deadline > perigee.now())
        end)

        it("also where those send it", function()
            service_resolver.install(function(asking, request)
                return asking:attempt(request, { address = "10.0.0.1:80", mount = "/users" })
            end)
            function answer(request)
                return request.target == "/users/1"
                    and compose(302, "", { "Location", "/users/2" }) or compose(200, "two")
            end
            local response = client:get("http+service://users/1")
            assert.same({ "two", "http+service://users/2", "/users/2" },
                { response:text(), response.url, last().target })
        end)
    end)

    it("raises mistakes at the caller's line", function()
        local here = debug.getinfo(1, "S").source:match("^@(.*)")
        local wrong = {
            ["there is no option 'foo'"] = { foo = 1, url = "http://a" },
            ["timeout_s must be a number from 0.001 to 86400, got 0"] =
                { timeout_s = 0, url = "http://a" },
            ["a URL is a text such as http://host/path, got nil"] = {},
            ["there is no ftp:// here"] = { url = "ftp://a" },
            ["a request has one body, not both body and json"] =
                { url = "http://a", body = "", json = 1 },
            ["body must be a string, a function or a channel, got table"] =
                { url = "http://a", body = {} },
            ["content_length must be a number of bytes, got -1"] =
                { url = "http://a", content_length = -1 },
            ["the header X has a control character at byte 2"] =
                { url = "http://a", headers = { X = "a\nb" } },
            ["the client writes Content-Length itself"] =
                { url = "http://a", headers = { ["Content-Length"] = "1" } },
            ["the method must be a token such as GET"] = { url = "http://a", method = "G T" },
        }
        for problem, options in pairs(wrong) do
            local line
            local is_ok, message = pcall(function()
                line = debug.getinfo(1, "l").currentline + 1
                client:request(options)
            end)
            local expected = ("%s:%d: %s"):format(here, line, problem)
            assert.same({ false, expected }, { is_ok, message:sub(1, #expected) })
        end
        local _, message = pcall(function()
            http.client { max_idle = "x" }
        end)
        assert.is_truthy(message:find(here .. ":%d+: http.client: max_idle must be an integer"))
        _, message = pcall(function()
            http.get("http://a", { stream = 1 })
        end)
        assert.is_truthy(message:find(here .. ":%d+: stream must be a boolean, got 1"))
    end)
end)
