--- Answers in pieces of a service that runs in one of two workers, reached through both.
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local http = require "perigee.http"
local perigee = require "perigee"
local app = http.router()
local gate, gone = false, 0

app:get("/open", function() gate = true return "open" end)
app:get("/gone", function() return tostring(gone) end)

app:get("/gated", function(_, response)
    response:header("X-Answer", "yes"):write "before "
    while not gate do
        perigee.sleep(0.001)
    end
    response:write "after"
end)

app:get("/sized", function(_, response)
    response:header("Content-Length", 4)
    response:write "abcd"
end)

app:get("/endless", function(_, response)
    local piece = ("x"):rep(10000)
    while response:write(piece) do end
    gone = gone + 1
end)

app:get("/fails", function(_, response)
    response:write "half"
    perigee.sleep(0.01)
    error "oops"
end)

local seen = "nothing"
app:get("/seen", function() return seen end)
app:post("/first", function(request)
    seen = request:read(3)
    local rest, code = request:read(3)
    seen = seen .. " " .. tostring(rest or code)
    if rest and request:read() == nil then
        return request:trailers():get("x-end")
    end
    return "no trailer"
end)
app:post("/never", function() return 403, "no" end)
app:post("/slow", function(request)
    while not gate do
        perigee.sleep(0.001)
    end
    return tostring(#assert(request:body()))
end)
app:get("/who", function(request)
    return { request.remote.host, request.remote.port, request.scheme,
        request.tls and request.tls.version or "plain", request:header("perigee-origin") or "none",
        request.headers:get("Perigee-Origin") or "none" }
end)

app:post("/size", function(request)
    return tostring(#assert(request:body()))
end)

return { http = app, replicas = 1, limits = { body = "4MB" } }
]]

-- Enough for both workers to get some, whatever the kernel chooses.
local CONNECTIONS = 16

describe("a service in one of two workers", function()
    local running, peers

    before_each(function()
        running = host.start({ services = { ["one.lua"] = SERVICE }, workers = 2 })
        peers = {}
        for i = 1, CONNECTIONS do
            peers[i] = running:open()
        end
    end)

    after_each(host.stop_all)

    local function ask_all(target, fields)
        for _, peer in ipairs(peers) do
            peer:write(("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(target, fields or ""))
        end
    end

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

    it("answers in pieces through both", function()
        ask_all("/one/gated")
        for _, peer in ipairs(peers) do
            assert.matches("^HTTP/1.1 200 OK\r\n.*X%-Answer: yes\r\n.*\r\n\r\n7\r\nbefore \r\n$",
                read_until(peer, "before \r\n"))
        end
        running:get("/one/open")
        for _, peer in ipairs(peers) do
            assert.equal("5\r\nafter\r\n0\r\n\r\n", read_until(peer, "0\r\n\r\n"))
        end
    end)

    it("says how long an answer is, also to HEAD", function()
        ask_all("/one/sized", "Connection: close\r\n")
        for _, peer in ipairs(peers) do
            assert.matches("Content%-Length: 4\r\n.*\r\n\r\nabcd$", read_until(peer))
        end
        for _ = 1, CONNECTIONS do
            assert.matches("Content%-Length: 4\r\n.*\r\n\r\n$",
                running:raw("HEAD /one/sized HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        end
    end)

    it("stops writing when its clients are gone", function()
        ask_all("/one/endless")
        for _, peer in ipairs(peers) do
            assert(peer:read(perigee.now() + 20))
            peer:close()
        end
        running:wait_for_body("/one/gone", tostring(CONNECTIONS))
    end)

    it("cuts answers through both", function()
        ask_all("/one/fails", "Connection: close\r\n")
        for _, peer in ipairs(peers) do
            assert.matches("\r\n\r\n4\r\nhalf\r\n$", read_until(peer))
        end
    end)

    local function post_all(target, fields, body)
        for _, peer in ipairs(peers) do
            peer:write(("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n%s"):format(target, fields, body))
        end
    end

    it("reads bodies in pieces through both", function()
        for _, peer in ipairs(peers) do
            peer:write("POST /one/first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                .. "3\r\nabc\r\n")
            running:wait_for_body("/one/seen", "abc")
            peer:write("3\r\ndef\r\n0\r\nX-End: yes\r\n\r\n")
            assert.matches("^HTTP/1.1 200 .*\r\n\r\nyes$", read_until(peer, "\r\n\r\n%a+$"))
            assert.equal("abc def", running:body("/one/seen"))
        end
    end)

    it("leaves bodies with their clients while nobody takes them", function()
        local size = 4 * 1024 * 1024
        post_all("/one/slow", "Content-Length: " .. size .. "\r\n", "")
        for _, peer in ipairs(peers) do
            perigee.go(function()
                peer:write(("x"):rep(size))
            end)
        end
        local function received()
            local sum = 0
            for _, worker in ipairs(running:status().workers) do
                sum = sum + worker.http.received_size
            end
            return sum
        end
        local before
        running:wait_until(function()
            local now = received()
            local is_still = now == before and now > CONNECTIONS * 10000
            before = now
            return is_still
        end, "nothing is read any more")
        assert.is_true(before < CONNECTIONS * size / 2)
        running:get("/one/open")
        for _, peer in ipairs(peers) do
            assert.matches("^HTTP/1.1 200 .*\r\n\r\n4194304$", read_until(peer, "\r\n\r\n%d+$"))
        end
    end)

    it("invites bodies when they are read, and never when they are not", function()
        local expect = "Content-Length: 6\r\nExpect: 100-continue\r\n"
        post_all("/one/size", expect, "")
        for _, peer in ipairs(peers) do
            assert.equal("HTTP/1.1 100 Continue\r\n\r\n", read_until(peer, "\r\n\r\n"))
            peer:write("abcdef")
            assert.matches("^HTTP/1.1 200 .*\r\n\r\n6$", read_until(peer, "\r\n\r\n%d$"))
        end
        post_all("/one/never", expect, "")
        for _, peer in ipairs(peers) do
            assert.matches("^HTTP/1.1 403 ", read_until(peer))
        end
    end)

    it("notices clients that go away in the middle of a body", function()
        for _, peer in ipairs(peers) do
            peer:write("POST /one/first HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
            running:wait_for_body("/one/seen", "abc")
            peer:close()
            running:wait_for_body("/one/seen", "abc closed")
        end
        assert.equal("", running:log():match("could not be sent on") or "")
    end)

    it("knows who asks through both, and believes no client", function()
        ask_all("/one/who", "Perigee-Origin: 10.0.0.1,1,TLSv1.3,,,\r\n")
        for _, peer in ipairs(peers) do
            local host_name, port, rest = read_until(peer, "%]"):match '%["([%d.]+)",(%d+),(.*)%]'
            assert.equal("127.0.0.1", host_name)
            assert.is_true(tonumber(port) > 1)
            assert.matches('^"http","plain",', rest)
        end
    end)

    it("has its own limit for bodies in both", function()
        local body = ("x"):rep(4 * 1024 * 1024)
        for _ = 1, CONNECTIONS do
            assert.equal("4194304", running:post("/one/size", body).body)
        end
        for _ = 1, CONNECTIONS do
            assert.matches("^HTTP/1.1 413 ", running:raw("POST /one/size HTTP/1.1\r\nHost: x\r\n"
                .. "Content-Length: 4194305\r\n\r\n"))
        end
    end)
end)
