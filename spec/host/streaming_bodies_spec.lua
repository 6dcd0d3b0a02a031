--- Request bodies in pieces, sent by real clients: who waits for whom, and where it ends.
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local gate = false
local last = {}

app:get("/open", function() gate = true return "open" end)
app:get("/last", function() return last end)

local function wait_for_gate()
    while not gate do
        perigee.sleep(0.001)
    end
end

app:post("/count", function(request)
    local size, largest = 0, 0
    for chunk in request:chunks() do
        size, largest = size + #chunk, math.max(largest, #chunk)
    end
    return { size = size, largest = largest, sum = request:trailers():get "x-sum" }
end)

app:post("/limited", function(request)
    for _ in request:chunks { limit = 1000 } do end
    return "fine"
end)

app:post("/gated", function(request)
    wait_for_gate()
    local size = 0
    for chunk in request:chunks() do
        size = size + #chunk
    end
    return tostring(size)
end)

app:post("/read", function(request)
    last = { has_begun = true }
    local bytes, code
    repeat
        bytes, code = request:read()
    until not bytes
    last.code = code or "end"
    return "read"
end)

app:post("/whole", function(request)
    local body, code = request:body()
    return tostring(body and #body or code)
end)

app:post("/unread", function() return "unread" end)

app:post("/answer-first", function(request, response)
    response:write "first "
    local _, code = request:read()
    response:write(code or "read")
end)

app:post("/echo", function(request, response)
    for chunk in request:chunks() do
        response:write(chunk)
    end
end)

return { http = app, mount = "/", limits = { body = "60MB" } }
]]

local MB = 1024 * 1024

describe("a body in pieces", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... } })
    end

    local function head(target, fields)
        return ("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(target, fields)
    end

    local function sized(target, size)
        return head(target, ("Connection: close\r\nContent-Length: %d\r\n"):format(size))
    end

    -- Reads to the end of the connection, or until `pattern` is there.
    local function read_until(peer, pattern)
        local text, deadline = "", perigee.now() + 20
        while not pattern or not text:find(pattern) do
            local bytes = peer:read(deadline)
            if not bytes then
                break
            end
            text = text .. bytes
        end
        return text
    end

    it("may be larger than the worker would ever hold", function()
        local running = start("--memory", "8MB")
        local peer = running:open()
        peer:write(sized("/count", 50 * MB))
        local piece = ("x"):rep(MB)
        for _ = 1, 50 do
            assert(peer:write(piece, perigee.now() + 20))
        end
        local text = read_until(peer)
        assert.matches('"size":52428800', text)
        assert.is_true(tonumber(text:match('"largest":(%d+)')) <= 64 * 1024)
        assert.is_true(running:service("service").isolates[1].heap_size < 8 * MB)
        peer:close()
    end)

    it("is not read while nobody takes it", function()
        local running = start("--max-unread", "16KB")
        local peer = running:open()
        peer:write(sized("/gated", 20 * MB))
        perigee.go(function()
            peer:write(("x"):rep(20 * MB))
        end)
        local last = -1
        running:wait_until(function()
            local before = last
            last = running:status().workers[1].http.received_size
            return last > 16 * 1024 and last == before
        end, "the host has stopped reading")
        assert.is_true(last < MB)
        running:get("/open")
        assert.matches("\r\n\r\n20971520$", read_until(peer))
        peer:close()
    end)

    it("is read without a pause when the whole is wanted", function()
        local running = start("--max-unread", "16KB")
        local peer = running:open()
        peer:write(sized("/whole", 5 * MB))
        peer:write(("x"):rep(5 * MB))
        assert.matches("\r\n\r\n5242880$", read_until(peer))
        peer:close()
    end)

    it("comes with its trailers", function()
        local text = start():raw(
            head("/count", "Connection: close\r\nTransfer-Encoding: chunked\r\n")
            .. "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n")
        assert.matches('"size":5', text)
        assert.matches('"sum":"7"', text)
    end)

    it("is refused beyond the limit of the service before the handler is called", function()
        local text = start():raw(sized("/read", 60 * MB + 1))
        assert.matches("^HTTP/1.1 413 ", text)
    end)

    it("is refused beyond the limit of the handler", function()
        local running = start()
        assert.matches("^HTTP/1.1 413 ", running:raw(sized("/limited", 1001) .. ("x"):rep(1001)))
        assert.matches("^HTTP/1.1 200 ", running:raw(sized("/limited", 1000) .. ("x"):rep(1000)))
        assert.equal("", running:log():match("ERROR.*") or "")
    end)

    it("is bounded by --max-body where the service says nothing", function()
        local running = host.start({
            services = { ["service.lua"] = (SERVICE:gsub(", limits = %b{}", "")) },
            flags = { "--max-body", "1KB" },
        })
        assert.matches("^HTTP/1.1 413 ", running:raw(sized("/count", 1025)))
        assert.matches('"size":1024', running:raw(sized("/count", 1024) .. ("x"):rep(1024)))
    end)

    it("is invited when it is first read", function()
        local running = start()
        local peer = running:open()
        peer:write(head("/gated",
            "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"))
        running:get("/open")
        assert.equal("HTTP/1.1 100 Continue\r\n\r\n", read_until(peer, "\r\n\r\n"))
        peer:write("abc")
        assert.matches("^HTTP/1.1 200 .*\r\n\r\n3$", read_until(peer))
        peer:close()
    end)

    it("is not invited once an answer has begun", function()
        local text = start():raw(head("/answer-first",
            "Expect: 100-continue\r\nContent-Length: 3\r\n"))
        assert.matches("^HTTP/1.1 200 .*\r\nConnection: close\r\n", text)
        assert.matches("\r\n\r\n6\r\nfirst \r\n6\r\nclosed\r\n0\r\n\r\n$", text)
    end)

    it("ends with a code when the client goes away", function()
        local running = start()
        local peer = running:open()
        peer:write(sized("/read", 1000) .. "abc")
        running:wait_until(function()
            return running:json("/last").has_begun
        end, "the handler reads")
        peer:close()
        running:wait_until(function()
            return running:json("/last").code == "closed"
        end, "the handler has heard of it")
    end)

    it("ends with a code when the client is too slow", function()
        local running = start("--body-timeout", "50ms")
        local text = running:raw(sized("/read", 1000) .. "abc")
        assert.matches("^HTTP/1.1 408 ", text)
        assert.equal("timeout", running:json("/last").code)
    end)

    it("has all the time there is while the handler does not take it", function()
        local running = start("--body-timeout", "50ms", "--max-unread", "1KB")
        local peer = running:open()
        peer:write(sized("/gated", 5000) .. ("x"):rep(5000))
        perigee.sleep(0.2)
        running:get("/open")
        assert.matches("\r\n\r\n5000$", read_until(peer))
        peer:close()
    end)

    it("may be left alone: what is short is dropped, and the connection stays", function()
        local running = start("--max-unread", "1KB")
        local request = head("/unread", "Content-Length: 100000\r\n") .. ("x"):rep(100000)
        local text = running:raw(request .. request .. sized("/unread", 0))
        assert.equal(3, select(2, text:gsub("unread", "")))
    end)

    it("may be left alone: what is long ends the connection", function()
        local running = start()
        local text = running:raw(head("/unread", "Content-Length: 1000000\r\n")
            .. ("x"):rep(100000))
        assert.matches("^HTTP/1.1 200 .*Connection: close\r\n.*unread$", text)
    end)

    it("may be answered while it comes", function()
        local running = start()
        local peer = running:open()
        peer:write(head("/echo", "Transfer-Encoding: chunked\r\n"))
        for _, text in ipairs({ "one", "two" }) do
            peer:write(("3\r\n%s\r\n"):format(text))
            assert.matches(("3\r\n%s\r\n$"):format(text), read_until(peer, text .. "\r\n"))
        end
        peer:write("0\r\n\r\n")
        assert.equal("0\r\n\r\n", read_until(peer, "0\r\n\r\n"))
        peer:close()
    end)

    it("cuts the answer it is read for when it breaks off", function()
        local running = start()
        local peer = running:open()
        peer:write(head("/echo", "Transfer-Encoding: chunked\r\n") .. "3\r\none\r\n")
        local text = read_until(peer, "one\r\n")
        peer:write("nonsense")
        text = text .. read_until(peer)
        assert.matches("3\r\none\r\n$", text)
        peer:close()
    end)
end)
