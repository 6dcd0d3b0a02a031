--- What a connection can do besides one request: be kept, be filled with requests, be closed by
-- half, be misused.
local host = require "spec.support.host"
local perigee = require "perigee"

local SERVICE = [[
local perigee = require "perigee"
local http = require "perigee.http"
local app = http.router()
local waiting = {}

-- Answers when /release is asked.
app:get("/slow", function()
    local is_released = false
    waiting[#waiting + 1] = function() is_released = true end
    while not is_released do
        perigee.sleep(0.002)
    end
    return "slow"
end)
app:get("/release", function()
    local count = #waiting
    for _, release in ipairs(waiting) do
        release()
    end
    waiting = {}
    return tostring(count)
end)
app:get("/say/:word", function(request) return request.params.word end)
app:post("/say", function(request) return request:body() end)
return { http = app, mount = "/" }
]]

local function request(target, more)
    return ("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(target, more or "")
end

local CLOSE = "Connection: close\r\n"

describe("a connection", function()
    local running

    setup(function()
        running = host.start({ services = { ["service.lua"] = SERVICE },
            flags = { "--max-pipelined", "4" } })
    end)

    teardown(host.stop_all)

    local function release()
        running:wait_until(function()
            return running:body("/release") == "1"
        end, "the slow request has begun")
    end

    local function bodies_of(answers)
        local bodies, position = {}, 1
        while position <= #answers do
            local _, head_end, size = answers:find(
                "^HTTP/1%.1 200 .-Content%-Length: (%d+).-\r\n\r\n", position)
            assert(head_end, "no answer at byte " .. position .. " of:\n" .. answers)
            position = head_end + 1 + size
            bodies[#bodies + 1] = answers:sub(head_end + 1, position - 1)
        end
        return bodies
    end

    local function read_all(peer)
        local parts = {}
        local part = peer:read()
        while part do
            parts[#parts + 1] = part
            part = peer:read()
        end
        peer:close()
        return table.concat(parts)
    end

    it("is kept after an answer", function()
        local connection = running:connect()
        for i = 1, 20 do
            local answer = assert(connection:request({ target = "/say/" .. i }))
            assert.equal(tostring(i), answer.body)
        end
        connection:close()
    end)

    it("is closed when the client asks, and after HTTP/1.0", function()
        assert.matches("\r\nConnection: close\r\n", running:raw(request("/say/a", CLOSE)))
        assert.matches("\r\n\r\na$", running:raw("GET /say/a HTTP/1.0\r\n\r\n"))
    end)

    it("stays open after HTTP/1.0 with keep-alive", function()
        local answers = running:raw("GET /say/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
            .. "GET /say/b HTTP/1.0\r\n\r\n")
        assert.matches("Connection: keep%-alive.*\r\n\r\na.*\r\n\r\nb$", answers)
    end)

    it("answers pipelined requests in order, the first being slow", function()
        local answers
        perigee.go(function()
            answers = running:raw(request("/slow") .. request("/say/b") .. request("/say/c", CLOSE))
        end)
        release()
        running:wait_until(function()
            return answers
        end, "all are answered")
        assert.same({ "slow", "b", "c" }, bodies_of(answers))
    end)

    it("answers more pipelined requests than are read at once", function()
        local parts, words = {}, {}
        for i = 1, 50 do
            words[i] = tostring(i)
            parts[i] = request("/say/" .. i, i == 50 and CLOSE or nil)
        end
        assert.same(words, bodies_of(running:raw(table.concat(parts))))
    end)

    it("takes requests byte by byte", function()
        local peer = running:open()
        for byte in request("/say/bytes", CLOSE):gmatch(".") do
            peer:write(byte)
            perigee.sleep(0)
        end
        assert.same({ "bytes" }, bodies_of(read_all(peer)))
    end)

    it("that the client has closed by half still gets its answers", function()
        local peer = running:open()
        peer:write(request("/slow") .. request("/say/b"))
        peer:shutdown()
        release()
        assert.same({ "slow", "b" }, bodies_of(read_all(peer)))
    end)

    it("that the client leaves in the middle of a request harms nobody", function()
        local peer = running:open()
        peer:write(request("/slow"))
        running:wait_until(function()
            return running:service("service").isolates[1].in_flight == 1
        end, "the request is in flight")
        peer:close()
        release()
        running:wait_until(function()
            return running:service("service").isolates[1].in_flight == 0
        end, "the request is over")
        assert.equal("here", running:body("/say/here"))
    end)

    it("is told to go on with a body by 100 Continue", function()
        local peer = running:open()
        peer:write("POST /say HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
            .. CLOSE .. "\r\n")
        assert.equal("HTTP/1.1 100 Continue\r\n\r\n", peer:read())
        peer:write("body")
        assert.matches("^HTTP/1.1 200 .*\r\n\r\nbody$", peer:read())
        peer:close()
    end)

    for what, bytes in pairs({
        ["no HTTP at all"] = "\22\3\1 what is this\r\n\r\n",
        ["a request without Host"] = "GET / HTTP/1.1\r\n\r\n",
        ["both a length and chunks"] = "POST /say HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
            .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ["a space before a colon"] = "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        ["lines that end in LF alone"] = "GET / HTTP/1.1\nHost: x\n\n",
        ["a negative length"] = "POST /say HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
    }) do
        it("with " .. what .. " is answered 400 and closed", function()
            assert.matches("^HTTP/1.1 400 ", running:raw(bytes))
        end)
    end

    it("with a version that is not spoken is answered 505", function()
        assert.matches("^HTTP/1.1 505 ", running:raw("GET / HTTP/2.0\r\nHost: x\r\n\r\n"))
    end)
end)
