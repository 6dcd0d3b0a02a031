--- What needs no server; spec/host/client_spec.lua has the rest.
local client = require "perigee.http.client"
local perigee = require "perigee"
local scripted_stream = require "spec.lua.http.client.scripted_stream"
local stream = require "perigee.core.stream"

local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
local HERE = debug.getinfo(1, "S").source:match("^@(.*)")
local NOBODY = "unix:/nonexistent/perigee"

-- Asserts that fn(argument) raises a message that begins so, at the line that called it.
local function assert_raises(expected, fn, ...)
    local line
    local arguments = { ... }
    local is_ok, message = pcall(function()
        line = debug.getinfo(1, "l").currentline + 1
        fn(unpack(arguments))
    end)
    local beginning = ("%s:%d: %s"):format(HERE, line, expected)
    assert.is_false(is_ok)
    assert.equal(beginning, message:sub(1, #beginning))
end

describe("perigee.http.client", function()
    it("makes requests over any stream", function()
        local scripted = scripted_stream.new { { OK }, { OK } }
        local connection = client.over(scripted, "unix:/run/a")
        local before = perigee.now()
        assert.equal("ok", connection:request({ target = "/", timeout_s = 2 }).body)
        assert.equal("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", scripted.written[1])
        assert.is_true(scripted.deadline >= before + 2 and scripted.deadline <= perigee.now() + 2)
        assert.is_true(connection:is_reusable())
        assert.equal("ok", connection:request({ target = "/" }).body)
    end)

    describe("connects", function()
        local connect = stream.connect
        local opened, address, deadline

        before_each(function()
            opened = scripted_stream.new { { OK }, { OK } }
            function stream.connect(...)
                address, deadline = ...
                return opened
            end
        end)

        after_each(function()
            stream.connect = connect
        end)

        it("to the address until the deadline", function()
            local connection = client.connect("127.0.0.1:80", { deadline = 7 })
            assert.same({ "127.0.0.1:80", 7 }, { address, deadline })
            assert.equal("ok", connection:request({ target = "/" }).body)
            assert.equal("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", opened.written[1])
        end)

        it("for one request and in its time", function()
            local before = perigee.now()
            local response = client.request { address = "unix:@a", target = "/", timeout_s = 2 }
            assert.equal("ok", response.body)
            assert.equal("unix:@a", address)
            assert.is_true(deadline >= before + 2)
            assert.equal(deadline, opened.deadline)
            assert.equal("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                opened.written[1])
            assert.is_true(opened.is_closed)
        end)

        it("for a pool in the time of the first request", function()
            local made = client.pool("127.0.0.1:80", { limit = 3, idle_s = 4 })
            assert.same({ 3, 4 }, { made.limit, made.idle_s })
            local before = perigee.now()
            assert.equal("ok", made:request({ target = "/", timeout_s = 2 }).body)
            assert.equal("127.0.0.1:80", address)
            assert.is_true(deadline >= before + 2)
            assert.equal("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", opened.written[1])
        end)
    end)

    it("tells when it cannot connect", function()
        local told = { nil, "not_found", "cannot connect to " .. NOBODY }
        assert.same(told, { client.connect(NOBODY) })
        assert.same(told, { client.request { address = NOBODY, target = "/" } })
        -- A pool also says that nothing was sent.
        told[4] = true
        assert.same(told, { client.pool(NOBODY):request { target = "/" } })
        assert.equal("invalid", select(2, client.connect("nowhere")))
    end)

    it("raises mistakes at the caller's line", function()
        assert_raises("the address must be text", client.connect)
        assert_raises("the address must be text", client.pool, 80)
        assert_raises("the address must be text", client.request, { target = "/" })
        assert_raises("a request is a table", client.request)
        assert_raises("the target must be", client.request, { address = NOBODY })
        assert_raises("limit must be a number of connections", client.pool, NOBODY, { limit = 0 })
    end)
end)
