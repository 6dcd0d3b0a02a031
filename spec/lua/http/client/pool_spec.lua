local connection = require "perigee.http.client.connection"
local eventually = require "spec.support.eventually"
local perigee = require "perigee"
local pool = require "perigee.http.client.pool"
local scheduler = require "perigee.core.scheduler"
local scripted_stream = require "spec.lua.http.client.scripted_stream"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)")

local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
local GET = { target = "/" }
local POST = { method = "POST", target = "/" }
local STALE = { { OK }, { code = "eof" } } -- answers once and is gone at the second request

local time = 1000 -- of pools over scripts

local function now()
    return time
end

-- A pool whose i-th connection is over a stream with scripts[i]; and its streams as they are made.
local function pool_over(scripts, options)
    options = options or {}
    options.address, options.now = "127.0.0.1:80", now
    local streams = {}
    local function connect()
        local script = scripts[#streams + 1]
        if not script then
            return nil, "refused", "cannot connect"
        end
        local stream = scripted_stream.new(script)
        streams[#streams + 1] = stream
        return connection.new(stream, options)
    end
    return pool.new(connect, options), streams
end

local function open_count(streams)
    local count = 0
    for _, stream in ipairs(streams) do
        count = count + (stream.is_closed and 0 or 1)
    end
    return count
end

local function assert_fails(expected_code, ...)
    local response, code, detail = ...
    assert.is_nil(response)
    assert.equal(expected_code, code)
    assert.is_string(detail)
end

describe("perigee.http.client.pool", function()
    describe("a request", function()
        it("uses the connection of the one before", function()
            local made, streams = pool_over { { { OK }, { OK } } }
            assert.equal("ok", made:request(GET).body)
            assert.equal("ok", made:request(POST).body)
            assert.equal(1, #streams)
            assert.equal("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", streams[1].written[1])
        end)

        it("connects anew when the last connection cannot be used again", function()
            local closing = OK:gsub("\r\n", "\r\nConnection: close\r\n", 1)
            local made, streams = pool_over { { { closing } }, { { OK } } }
            made:request(GET)
            assert.equal("ok", made:request(GET).body)
            assert.same({ true, false }, { streams[1].is_closed, streams[2].is_closed })
        end)

        it("tells why it cannot connect", function()
            assert_fails("refused", pool_over({}):request(GET))
        end)

        it("fails when a new connection fails", function()
            local made, streams = pool_over { { { code = "eof" } }, { { OK } } }
            assert_fails("eof", made:request(GET))
            assert.equal(1, #streams)
            assert.equal("ok", made:request(GET).body)
        end)

        it("is not raised past the caller's line when malformed", function()
            local made = pool_over {}
            local _, message = pcall(function()
                made:request {}
            end)
            assert.equal(HERE .. (":%d: the target must be a string such as /path?query"):format(
                debug.getinfo(1, "l").currentline - 3), message)
        end)
    end)

    describe("a kept connection", function()
        it("that was closed is left for a new one", function()
            local made, streams = pool_over { { { OK } }, { { OK } } }
            made:request(GET)
            streams[1].end_code = "eof"
            assert.equal("ok", made:request(POST).body)
            assert.equal(1, #streams[1].written)
            assert.is_true(streams[1].is_closed)
        end)

        it("that said something unasked is left for a new one", function()
            local made, streams = pool_over { { { OK } }, { { OK } } }
            made:request(GET)
            streams[1]:hear("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            assert.equal(200, made:request(GET).status)
            assert.is_true(streams[1].is_closed)
        end)

        it("that ends unanswered has an idempotent request repeated, on a new one", function()
            local endings = { { code = "eof" }, { code = "closed" }, { write_code = "closed" } }
            for _, answer in ipairs(endings) do
                local made, streams = pool_over { { { OK }, answer }, { { OK } } }
                made:request(GET)
                assert.equal("ok", made:request(GET).body)
                assert.equal(2, #streams)
            end
        end)

        it("that ends unanswered has no other request repeated", function()
            local made, streams = pool_over { STALE, { { OK } } }
            made:request(GET)
            assert_fails("eof", made:request(POST))
            assert.equal(1, #streams)
        end)

        it("that ends answering has no request repeated", function()
            local made, streams = pool_over { { { OK }, { "H", code = "eof" } }, { { OK } } }
            made:request(GET)
            assert_fails("eof", made:request(GET))
            assert.equal(1, #streams)
        end)

        it("that stays silent has no request repeated", function()
            local made, streams = pool_over { { { OK }, {} }, { { OK } } }
            made:request(GET)
            assert_fails("timeout", made:request(GET))
            assert.equal(1, #streams)
        end)

        it("has a request repeated only once", function()
            local made, streams = pool_over { STALE, { { code = "eof" } }, { { OK } } }
            made:request(GET)
            assert_fails("eof", made:request(GET))
            assert.equal(2, #streams)
        end)

        it("is closed after its idle time", function()
            local scripts = { { { OK }, { OK }, { OK } }, { { OK } } }
            local made, streams = pool_over(scripts, { idle_s = 5 })
            made:request(GET)
            time = time + 4.5
            made:request(GET)
            assert.equal(1, #streams)
            time = time + 5.5
            made:request(GET)
            assert.equal(2, #streams)
            assert.is_true(streams[1].is_closed)
        end)
    end)

    describe("what nobody asks for any more", function()
        local testing = require "perigee.testing"

        it("is closed after its idle time", function()
            testing.virtual_clock()
            local stream = scripted_stream.new { { OK } }
            local options = { address = "127.0.0.1:80", now = perigee.now, idle_s = 5 }
            local made = pool.new(function()
                return connection.new(stream, options)
            end, options)
            made:request(GET)
            perigee.sleep(4.9)
            assert.is_false(stream.is_closed)
            perigee.sleep(0.2)
            assert.is_true(stream.is_closed)
            assert.same({ {}, false }, { made.idle, made.timer })
        end)

        it("is closed at once beyond its number", function()
            local made, streams = pool_over({ { { OK } }, { { OK } } }, { max_idle = 0 })
            made:request(GET)
            made:request(GET)
            assert.same({ 2, 0 }, { #streams, open_count(streams) })
        end)

        it("leaves no timer when the pool is closed", function()
            local made, streams = pool_over { { { OK } } }
            made:request(GET)
            assert.is_table(made.timer)
            made:close()
            assert.same({ false, 0 }, { made.timer, open_count(streams) })
        end)
    end)

    -- Here requests run in tasks that wait inside of connect until they are let go on.
    describe("its limit", function()
        local connecting, finished, streams

        before_each(function()
            connecting, finished, streams = {}, {}, {}
        end)

        local always_ok = setmetatable({}, {
            __index = function()
                return { OK }
            end,
        })

        local function connect_when_let(deadline)
            local task = scheduler.current()
            connecting[#connecting + 1] = { task = task, wait_id = task.wait_id }
            local is_ok, code = scheduler.wait(deadline)
            if not is_ok then
                return nil, code
            end
            streams[#streams + 1] = scripted_stream.new(always_ok)
            return connection.new(streams[#streams], { address = "a", now = perigee.now })
        end

        local function waiting_pool(limit)
            return pool.new(connect_when_let, { address = "a", now = perigee.now, limit = limit })
        end

        local function start(made, name, timeout_s)
            perigee.go(function()
                local response, code = made:request { target = "/", timeout_s = timeout_s }
                finished[#finished + 1] = name .. " " .. (response and response.body or code)
            end)
            perigee.sleep(0)
        end

        local function let_connect()
            repeat
                local entry = assert(table.remove(connecting, 1), "no task waits inside of connect")
            until scheduler.wake(entry.task, entry.wait_id, true)
        end

        local function wait_for(expected)
            eventually(function()
                return #finished >= #expected
            end, "as many requests are over")
            assert.same(expected, finished)
        end

        it("holds more requests back, which go on in their order", function()
            local made = waiting_pool(2)
            for _, name in ipairs { "a", "b", "c", "d" } do
                start(made, name)
            end
            assert.equal(2, #connecting)
            let_connect()
            wait_for { "a ok", "c ok", "d ok" }
            let_connect()
            wait_for { "a ok", "c ok", "d ok", "b ok" }
            start(made, "e")
            wait_for { "a ok", "c ok", "d ok", "b ok", "e ok" }
            assert.equal(2, open_count(streams))
        end)

        it("holds them back until their time is over", function()
            local made = waiting_pool(1)
            start(made, "a")
            start(made, "b", 0.01)
            start(made, "c")
            wait_for { "b timeout" }
            let_connect()
            wait_for { "b timeout", "a ok", "c ok" }
        end)

        it("passes the turn on after a failure, and only to one", function()
            local made = waiting_pool(1)
            start(made, "a", 0.01)
            start(made, "b")
            wait_for { "a timeout" }
            eventually(function()
                return #connecting == 2
            end, "the second request connects")
            start(made, "c")
            assert.equal(2, #connecting)
            let_connect()
            wait_for { "a timeout", "b ok", "c ok" }
        end)

        it("refuses when 1024 wait already", function()
            local made = waiting_pool(1)
            for i = 0, 1024 do
                start(made, tostring(i))
            end
            assert.same({}, finished)
            start(made, "one more")
            wait_for { "one more full" }
            let_connect()
            eventually(function()
                return #finished == 1026
            end, "all requests are over")
            assert.equal("1024 ok", finished[1026])
        end)

        it("counts nobody whose time is over", function()
            local made = waiting_pool(1)
            start(made, "first")
            for i = 1, 1024 do
                start(made, tostring(i), 0.05)
            end
            eventually(function()
                return #finished == 1024
            end, "nobody waits any more")
            start(made, "one more")
            let_connect()
            eventually(function()
                return #finished == 1026
            end, "all requests are over")
            assert.equal("one more ok", finished[1026])
        end)

        it("lets requests go on that had their turn when the pool was closed", function()
            local made = waiting_pool(1)
            start(made, "a")
            perigee.go(function()
                made:request(GET)
                made:close()
            end)
            perigee.sleep(0)
            start(made, "c")
            let_connect()
            eventually(function()
                return #connecting == 1
            end, "the last request connects")
            let_connect()
            wait_for { "a ok", "c ok" }
            assert.equal(0, open_count(streams))
        end)

        it("closes connections in use when they are done with a closed pool", function()
            local made = waiting_pool(2)
            start(made, "a")
            made:close()
            let_connect()
            wait_for { "a ok" }
            assert.equal(0, open_count(streams))
        end)
    end)

    it("closes its idle connections", function()
        local made, streams = pool_over { { { OK } } }
        made:request(GET)
        made:close()
        assert.equal(0, open_count(streams))
        assert_fails("closed", made:request(GET))
        made:close()
    end)

    it("names options that make no pool", function()
        assert.is_nil(pool.problem {})
        assert.is_nil(pool.problem { limit = 1, idle_s = 0 })
        for _, limit in ipairs { 0, 1.5, -1, 0 / 0, math.huge, "8" } do
            assert.equal("limit must be a number of connections", pool.problem { limit = limit })
        end
        for _, idle_s in ipairs { -1, 0 / 0, "8" } do
            assert.equal("idle_s must be a number of seconds", pool.problem { idle_s = idle_s })
        end
    end)
end)
