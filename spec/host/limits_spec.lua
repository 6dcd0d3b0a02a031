--- What a client may send and how long it may take, each bounded by a flag and answered with a
-- status.
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local ended = {}
app:get("/", function() return "fine" end)
app:post("/read", function(request)
    local body, code = request:body()
    if not body then
        return http.body_error(code)
    end
    return tostring(#body)
end)
app:post("/ignore", function() return "not looked at" end)
app:get("/endless", function(_, response)
    local written, piece = 0, ("x"):rep(65536)
    repeat
        local is_written = response:write(piece)
        written = written + #piece
    until not is_written
    ended = { written = written }
end)
local gate = perigee.chan()
app:use(http.compress())
app:get("/long", function() return ("long "):rep(1000) end)
app:get("/held", function(_, response)
    response:write(("held "):rep(1000))
    gate:recv()
end)
app:post("/held", function(request)
    gate:recv()
    local size = 0
    for piece in request:chunks() do
        size = size + #piece
    end
    return tostring(size)
end)
app:get("/release", function()
    gate:close()
    return "released"
end)
app:get("/ended", function() return ended end)
return { http = app, mount = "/" }
]]

local CLOSE = "Connection: close\r\n"

describe("the host", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... } })
    end

    local function post(size, target)
        return ("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s")
            :format(target or "/read", CLOSE, size, ("a"):rep(size))
    end

    local function limits_of(running)
        return running:status().workers[1].http.limits
    end

    -- Asks for more than there is room for and reads nothing.
    local function stop_reading(running)
        local peer = running:open()
        peer:write("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        return peer
    end

    it("refuses a body that is announced larger than --max-body", function()
        local running = start("--max-body", "1KB")
        assert.matches("^HTTP/1.1 200 .*\r\n\r\n1024$", running:raw(post(1024)))
        assert.matches("^HTTP/1.1 413 ", running:raw(post(1025)))
    end)

    it("refuses a body that grows larger than --max-body", function()
        local running = start("--max-body", "1KB")
        local head = "POST /read HTTP/1.1\r\nHost: x\r\n" .. CLOSE
            .. "Transfer-Encoding: chunked\r\n\r\n"
        local function chunk(size)
            return ("%x\r\n%s\r\n"):format(size, ("a"):rep(size))
        end
        assert.matches("^HTTP/1.1 200 .*\r\n\r\n1024$",
            running:raw(head .. chunk(1000) .. chunk(24) .. "0\r\n\r\n"))
        assert.matches("^HTTP/1.1 413 ",
            running:raw(head .. chunk(1000) .. chunk(25) .. "0\r\n\r\n"))
    end)

    it("answers a handler that does not want the body", function()
        local running = start("--max-body", "1MB")
        assert.matches("^HTTP/1.1 200 .*not looked at$", running:raw(post(100000, "/ignore")))
    end)

    it("refuses a target longer than --max-target", function()
        local running = start("--max-target", "100")
        local function get(size)
            return running:raw(("GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(("a"):rep(size - 1),
                CLOSE))
        end
        assert.matches("^HTTP/1.1 404 ", get(100))
        assert.matches("^HTTP/1.1 414 ", get(101))
    end)

    it("refuses a head larger than --max-head, or with more than --max-fields", function()
        local running = start("--max-head", "1KB", "--max-fields", "10")
        local function get(fields)
            return running:raw("GET / HTTP/1.1\r\nHost: x\r\n" .. CLOSE .. fields .. "\r\n")
        end
        assert.matches("^HTTP/1.1 200 ", get(("A: b\r\n"):rep(8)))
        assert.matches("^HTTP/1.1 431 ", get(("A: b\r\n"):rep(9)))
        assert.matches("^HTTP/1.1 431 ", get("A: " .. ("b"):rep(1024) .. "\r\n"))
    end)

    it("gives a head --head-timeout, from its first byte on", function()
        local running = start("--head-timeout", "50ms")
        assert.matches("^HTTP/1.1 408 ", running:raw("GET / HTTP/1.1\r\nHo"))
    end)

    it("gives a body --body-timeout for each piece", function()
        local running = start("--body-timeout", "50ms")
        assert.matches("^HTTP/1.1 408 ",
            running:raw("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"))
    end)

    it("closes a connection without a word after --idle-timeout", function()
        local running = start("--idle-timeout", "50ms")
        local answer = running:raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert.matches("^HTTP/1.1 200 .*\r\n\r\nfine$", answer)
        assert.equal(1, running:status().workers[1].http.timeouts)
    end)

    it("refuses connections beyond --max-connections", function()
        local running = start("--max-connections", "1")
        local first = running:connect()
        assert.equal("fine", first:request({ target = "/" }).body)
        assert.matches("^HTTP/1.1 503 ", running:raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert.equal(1, limits_of(running).max_connections)
        first:close()
        running:wait_until(function()
            return running:get("/").status == 200
        end, "the place is free again")
    end)

    it("lets a handler wait when --max-unsent is not taken, and counts it", function()
        local running = start("--max-unsent", "64KB")
        local peer = stop_reading(running)
        -- It waits for room with half of that unsent already, and where the kernel takes no more is
        -- chance. So a little is read until it was all.
        running:wait_until(function()
            peer:read(perigee.now() + 20)
            return limits_of(running).max_unsent > 0
        end, "the handler waits")
        assert.same({}, running:json("/ended"))
        peer:close()
        running:wait_until(function()
            return running:json("/ended").written
        end, "the handler has heard of the end")
        assert.equal(0, limits_of(running).write_timeout)
    end)

    it("sends answers plain when --max-compressed are under way, and counts them", function()
        local running = start("--max-compressed", "1")
        local function ask(target)
            return running:request({ target = target, fields = { "Accept-Encoding", "gzip" } })
        end
        assert.equal("gzip", ask("/long"):header("content-encoding"))
        local held = running:open()
        held:write("GET /held HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        assert.matches("Content%-Encoding: gzip", held:read(perigee.now() + 20))
        local plain = ask("/long")
        assert.is_nil(plain:header("content-encoding"))
        assert.equal(("long "):rep(1000), plain.body)
        assert.equal(1, limits_of(running).max_compressed)
        running:get("/release")
        running:wait_until(function()
            return ask("/long"):header("content-encoding")
        end, "there is room again")
        held:close()
    end)

    it("compresses nothing with --max-compressed 0", function()
        local running = start("--max-compressed", "0")
        local plain = running:request({ target = "/long",
            fields = { "Accept-Encoding", "gzip" } })
        assert.is_nil(plain:header("content-encoding"))
        assert.equal(1, limits_of(running).max_compressed)
    end)

    it("reads no more of a body than --max-unread before it is taken, and counts it", function()
        local running = start("--max-unread", "1KB")
        local peer = running:open()
        peer:write("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n"
            .. ("a"):rep(4096))
        running:wait_until(function()
            return limits_of(running).max_unread == 1
        end, "the host has stopped reading")
        running:get("/release")
        assert.matches("^HTTP/1.1 200 .*4096$", peer:read(perigee.now() + 20))
        assert.equal(4, limits_of(running).max_unread)
        peer:close()
    end)

    it("gives up a client that takes nothing for --write-timeout, and counts it", function()
        local running = start("--max-unsent", "64KB", "--write-timeout", "50ms")
        local peer = stop_reading(running)
        running:wait_until(function()
            return running:json("/ended").written
        end, "the handler has heard of the end")
        assert.equal(1, limits_of(running).write_timeout)
        peer:close()
    end)

    it("refuses chunk extensions and trailers larger than --max-framing in total", function()
        local running = start("--max-framing", "100")
        local function chunked(extension_size, trailer_size)
            return running:raw("POST /read HTTP/1.1\r\nHost: x\r\n" .. CLOSE
                .. "Transfer-Encoding: chunked\r\n\r\n"
                .. "1;" .. ("e"):rep(extension_size) .. "\r\na\r\n0\r\n"
                .. "X: " .. ("t"):rep(trailer_size) .. "\r\n\r\n")
        end
        assert.matches("^HTTP/1.1 200 ", chunked(40, 40))
        assert.matches("^HTTP/1.1 431 .*chunk extensions or trailers", chunked(60, 60))
        assert.equal(1, running:status().workers[1].http.limits.max_framing)
    end)

    it("answers 413 instead of inviting a body that is too large", function()
        local running = start("--max-body", "1KB")
        local answer = running:raw("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n"
            .. "Expect: 100-continue\r\n\r\n")
        assert.matches("^HTTP/1.1 413 ", answer)
    end)

    it("counts how often each limit was reached", function()
        local running = start("--max-target", "20", "--max-head", "200", "--max-fields", "3",
            "--max-body", "10", "--head-timeout", "50ms", "--body-timeout", "50ms",
            "--idle-timeout", "100ms", "--max-pipelined", "2")
        local get = "GET / HTTP/1.1\r\nHost: x\r\n"
        running:raw("GET /" .. ("a"):rep(20) .. " HTTP/1.1\r\nHost: x\r\n\r\n")
        running:raw(get .. "X: " .. ("a"):rep(200) .. "\r\n\r\n")
        running:raw(get .. "A: 1\r\nB: 2\r\nC: 3\r\n\r\n")
        running:raw(post(11))
        running:raw(get)
        running:raw("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
        running:raw(get .. "\r\n")
        running:raw(get .. "\r\n" .. get .. CLOSE .. "\r\n")
        running:raw("GET / HTTP/1.1\r\nHost: x y\r\n\r\n")
        running:raw("BREW / HTTP/1.1\r\nHost: x\r\n\r\n")
        local http = running:status().workers[1].http
        assert.same({ max_connections = 0, max_target = 1, max_head = 1, max_fields = 1,
            max_body = 1, max_framing = 0, max_pipelined = http.limits.max_pipelined,
            max_unsent = 0, max_unread = 0, max_compressed = 0, head_timeout = 1,
            body_timeout = 1, idle_timeout = 1, write_timeout = 0 }, http.limits)
        assert.is_true(http.limits.max_pipelined >= 1)
        assert.equal(1, http.malformed)
        assert.equal(1, http.unsupported)
    end)

    it("does not let slow clients hold up others", function()
        local running = start()
        local slow = {}
        for i = 1, 50 do
            slow[i] = running:open()
            slow[i]:write("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        end
        assert.equal("fine", running:body("/"))
        for _, peer in ipairs(slow) do
            peer:write("defghij")
            assert.matches("\r\n\r\n10$", peer:read(perigee.now() + 20))
            peer:close()
        end
    end)
end)
