--- Answers in pieces, seen by real clients: what is on the wire, who waits for whom, and that half
-- an answer is never taken for the whole.
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local counts = { written = 0, gone = 0 }
local gate = false

app:get("/state", function() return counts end)
app:get("/open", function() gate = true return "open" end)

app:get("/pieces", function(_, response)
    response:write "one "
    perigee.sleep(0)
    response:write "two"
end)

app:get("/trailers", function(_, response)
    response:write "body"
    response:finish { ["X-Sum"] = 7 }
end)

app:get("/gated", function(_, response)
    response:write "before "
    while not gate do
        perigee.sleep(0.001)
    end
    response:write "after"
end)

app:get("/fails", function(_, response)
    response:write "half"
    error "oops"
end)

app:get("/short", function(_, response)
    response:header("Content-Length", 10)
    response:write "half"
end)

app:get("/endless", function(_, response)
    local piece = ("x"):rep(10000)
    while response:write(piece) do
        counts.written = counts.written + #piece
    end
    counts.gone = counts.gone + 1
end)

app:get("/idle", function(_, response)
    local events = response:events()
    while events:comment() do
        perigee.sleep(0.01)
    end
    counts.gone = counts.gone + 1
end)

app:get("/together", function(_, response)
    response:header("Content-Type", "text/plain")
    local left = 4
    for i = 1, 4 do
        perigee.go(function()
            local line = tostring(i):rep(99999) .. "\n"
            for _ = 1, 10 do
                response:write(line)
            end
            left = left - 1
        end)
    end
    while left > 0 do
        perigee.sleep(0.001)
    end
end)

app:get("/whole", function() return "whole" end)

return { http = app, mount = "/" }
]]

local CHUNKED = "^HTTP/1.1 200 OK\r\n.*Transfer%-Encoding: chunked\r\n.*\r\n\r\n"

describe("an answer in pieces", function()
    after_each(host.stop_all)

    local function start(...)
        return host.start({ services = { ["service.lua"] = SERVICE }, flags = { ... } })
    end

    local function get(target, version, fields)
        version, fields = version or "1.1", fields or ""
        return ("GET %s HTTP/%s\r\nHost: x\r\n%s\r\n"):format(target, version, fields)
    end

    local CLOSE = "Connection: close\r\n"

    -- Reads until `pattern` is there, or the end; returns all that came and why it ended.
    local function read_until(peer, pattern)
        local text, deadline = "", perigee.now() + 20
        while not pattern or not text:find(pattern) do
            local bytes, code = peer:read(deadline)
            if not bytes then
                return text, code
            end
            text = text .. bytes
        end
        return text
    end

    it("is chunked", function()
        local text = start():raw(get("/pieces", "1.1", CLOSE))
        assert.matches(CHUNKED .. "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n$", text)
    end)

    it("has trailers", function()
        local text = start():raw(get("/trailers", "1.1", CLOSE))
        assert.matches(CHUNKED .. "4\r\nbody\r\n0\r\nX%-Sum: 7\r\n\r\n$", text)
    end)

    it("ends with the connection for HTTP/1.0", function()
        local text = start():raw(get("/pieces", "1.0", "Connection: keep-alive\r\n"))
        assert.matches("^HTTP/1.1 200 OK\r\n.*Connection: close\r\n.*\r\n\r\none two$", text)
        assert.is_nil(text:find("Transfer-Encoding", 1, true))
    end)

    it("is only a head for HEAD", function()
        local text = start():raw("HEAD /endless HTTP/1.1\r\nHost: x\r\n\r\n"
            .. get("/whole", "1.1", CLOSE))
        assert.matches(CHUNKED .. "HTTP/1.1 200 OK\r\n.*\r\n\r\nwhole$", text)
    end)

    it("reaches the client before it is complete", function()
        local running = start()
        local peer = running:open()
        peer:write(get("/gated"))
        assert.matches(CHUNKED .. "7\r\nbefore \r\n$", read_until(peer, "before \r\n"))
        running:get("/open")
        assert.equal("5\r\nafter\r\n0\r\n\r\n", read_until(peer, "0\r\n\r\n$"))
        peer:close()
    end)

    it("keeps the order of pipelined requests", function()
        local running = start()
        local peer = running:open()
        peer:write(get("/gated") .. get("/pieces") .. get("/whole", "1.1", CLOSE))
        read_until(peer, "before \r\n")
        running:get("/open")
        local text = read_until(peer)
        assert.matches("^5\r\nafter\r\n0\r\n\r\nHTTP/1.1 200 .*\r\n\r\n"
            .. "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 200 .*\r\n\r\nwhole$", text)
    end)

    it("holds only its share of bytes while it waits for its turn", function()
        local running = start("--max-unsent", "64KB", "--max-pipelined", "4")
        local peer = running:open()
        peer:write(get("/gated") .. get("/endless"))
        read_until(peer, "before \r\n")
        running:wait_until(function()
            return running:json("/state").written > 0
        end, "the second answer has begun")
        perigee.sleep(0)
        assert.equal(10000, running:json("/state").written)
        running:get("/open")
        read_until(peer, "xxxx")
        peer:close()
        running:wait_until(function()
            return running:json("/state").gone == 1
        end, "the writer has stopped")
    end)

    it("goes no faster than its client, and is over when that is gone", function()
        local running = start("--max-unsent", "64KB")
        local peer = running:open()
        peer:write(get("/endless"))
        assert(peer:read(perigee.now() + 20))
        local last = -1
        running:wait_until(function()
            local before = last
            last = running:json("/state").written
            return last == before
        end, "the writer waits")
        local counters = running:status().workers[1].http
        assert.is_true(counters.stream_peak_size <= 64 * 1024)
        assert.is_true(counters.sent_size < 64 * 1024 * 1024)
        peer:close()
        running:wait_until(function()
            return running:json("/state").gone == 1
        end, "the writer has stopped")
        assert.equal("", running:log():match("ERROR.*") or "")
    end)

    it("is over for a writer that has little to say, too", function()
        local running = start()
        local peer = running:open()
        peer:write(get("/idle"))
        read_until(peer, ": \n")
        peer:close()
        running:wait_until(function()
            return running:json("/state").gone == 1
        end, "the writer has stopped")
    end)

    it("resets a client that takes nothing for --write-timeout", function()
        local running = start("--write-timeout", "100ms", "--max-unsent", "64KB")
        local peer = running:open()
        peer:write(get("/endless"))
        running:wait_until(function()
            return running:json("/state").gone == 1
        end, "the writer has stopped")
        peer:close()
    end)

    it("goes on when the client has only ended its own side", function()
        local running = start()
        local peer = running:open()
        peer:write(get("/gated"))
        peer:shutdown()
        read_until(peer, "before \r\n")
        running:get("/open")
        assert.equal("5\r\nafter\r\n0\r\n\r\n", (read_until(peer)))
        peer:close()
    end)

    it("is cut by an error, which is logged with the request's id", function()
        local running = start()
        assert.matches(CHUNKED .. "4\r\nhalf\r\n$", running:raw(get("/fails")))
        assert.matches("oops.*request_id=%x+", running:wait_for_log("oops"))
    end)

    it("is cut when it is shorter than its Content-Length", function()
        local running = start()
        assert.matches("Content%-Length: 10\r\n.*\r\n\r\nhalf$", running:raw(get("/short")))
        running:wait_for_log("less was written than the Content%-Length of 10")
    end)

    it("may be written by several tasks at once", function()
        local running = start("--max-unsent", "16KB")
        local answer = running:get("/together")
        assert.equal(4000000, #answer.body)
        for line in answer.body:gmatch("([^\n]*)\n") do
            assert.equal(line:sub(1, 1):rep(99999), line)
        end
    end)

    it("is finished when the host stops, or cut at the drain deadline", function()
        for _, drain in ipairs({ "20s", "100ms" }) do
            local running = start("--drain", drain)
            local peer = running:open()
            peer:write(get("/gated"))
            local text = read_until(peer, "before \r\n")
            if drain == "20s" then
                running:get("/open")
            end
            assert.equal(drain == "20s" and 0 or 3, running:stop())
            text = text .. read_until(peer)
            assert.equal(drain == "20s", text:find("5\r\nafter\r\n0\r\n\r\n$") ~= nil)
            assert.matches(CHUNKED .. "7\r\nbefore \r\n", text)
            peer:close()
        end
    end)

    describe("when its generation is replaced", function()
        it("goes on", function()
            local running = start()
            local peer = running:open()
            peer:write(get("/gated"))
            read_until(peer, "before \r\n")
            running:write("service.lua", (SERVICE:gsub("gate = false", "gate = true")
                :gsub('return "whole"', 'return "new"')))
            running:wait_for_body("/whole", "new")
            peer:close()
        end)

        it("is cut at the drain deadline", function()
            local running = start("--drain", "100ms")
            local peer = running:open()
            peer:write(get("/gated"))
            local text = read_until(peer, "before \r\n")
            running:write("service.lua", (SERVICE:gsub('return "whole"', 'return "new"')))
            running:wait_for_body("/whole", "new")
            text = text .. read_until(peer)
            assert.matches(CHUNKED .. "7\r\nbefore \r\n$", text)
            running:wait_for_log("streams were cut at the drain deadline")
            peer:close()
        end)
    end)
end)
