local copy = require "perigee.core.copy"
local peer = require "perigee.core.peer"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"

describe("perigee.core.peer", function()
    local ours, theirs, handlers

    -- Two peers that hear each other at once.
    before_each(function()
        handlers = {}
        ours = peer.new({ handlers = {}, send = function(bytes) theirs:receive(bytes) end })
        theirs = peer.new({ handlers = handlers, send = function(bytes) ours:receive(bytes) end })
    end)

    it("calls and gives the result", function()
        function handlers.add(body)
            return body.a + body.b
        end
        assert.equal(3, ours:call("add", { a = 1, b = 2 }))
    end)

    it("gives true for a result of nothing, and false for false", function()
        handlers.nothing = function() end
        handlers.refuse = function() return false end
        assert.is_true(ours:call("nothing"))
        assert.is_false(ours:call("refuse"))
    end)

    it("gives the reason when the handler returns one, or raises", function()
        handlers.fails = function() return nil, "not today" end
        handlers.raises = function() error("broken") end
        handlers.odd = function() error({}) end
        local result, code, detail = ours:call("fails")
        assert.is_nil(result)
        assert.equal("failed", code)
        assert.equal("not today", detail)
        result, code, detail = ours:call("raises")
        assert.is_nil(result)
        assert.equal("failed", code)
        assert.matches("peer_spec%.lua:%d+: broken\n.*stack traceback", detail)
        result, code, detail = ours:call("odd")
        assert.is_nil(result)
        assert.equal("failed", code)
        assert.matches("^table: ", detail)
    end)

    it("fails for an operation that is not there", function()
        local _, code, detail = ours:call("fly")
        assert.equal("failed", code)
        assert.equal("there is no operation 'fly'", detail)
    end)

    it("fails when the result cannot be copied", function()
        local report = scheduler.on_failure
        scheduler.on_failure = function() end
        handlers.odd = function() return { fn = print } end
        local _, code, detail = ours:call("odd", nil, 1)
        scheduler.on_failure = report
        assert.equal("failed", code)
        assert.matches("fn is a function, which cannot be copied", detail)
    end)

    it("raises when what is asked with cannot be copied, and can be asked again", function()
        handlers.echo = function(body) return body end
        assert.has_error(function() ours:call("echo", { print }) end)
        assert.is_false(ours:is_busy())
        assert.equal("x", ours:call("echo", "x"))
    end)

    it("gives up at the timeout and does not mind a late answer", function()
        handlers.slow = function()
            perigee.sleep(0.01)
            return "late"
        end
        local result, code, detail = ours:call("slow", nil, 0.001)
        assert.is_nil(result)
        assert.equal("timeout", code)
        assert.matches("no answer to 'slow' within 0.001 s", detail)
        perigee.sleep(0.02)
        assert.equal("late", ours:call("slow", nil, 1))
    end)

    it("answers calls that are made at once each with its own", function()
        handlers.wait = function(body)
            perigee.sleep(body.s)
            return body.name
        end
        local results, left = {}, 3
        for i, name in ipairs({ "a", "b", "c" }) do
            perigee.go(function()
                results[i] = ours:call("wait", { s = 0.01 - i * 0.002, name = name })
                left = left - 1
            end)
        end
        while left > 0 do
            perigee.sleep(0.001)
        end
        assert.same({ "a", "b", "c" }, results)
    end)

    it("lets a handler call back", function()
        handlers.outer = function(_, self)
            return "outer " .. self:call("inner")
        end
        ours.handlers.inner = function() return "inner" end
        assert.equal("outer inner", ours:call("outer"))
    end)

    it("tells without an answer", function()
        local told
        handlers.tell = function(body) told = body end
        ours:notify("tell", "news")
        perigee.sleep(0)
        assert.equal("news", told)
    end)

    it("is busy while it waits or answers", function()
        assert.is_false(ours:is_busy())
        local is_seen
        handlers.look = function()
            is_seen = ours:is_busy() and theirs:is_busy()
        end
        ours:call("look")
        assert.is_true(is_seen)
        perigee.sleep(0)
        assert.is_false(ours:is_busy() or theirs:is_busy())
    end)

    it("ends every call when the other side is gone", function()
        local channel = perigee.chan()
        handlers.never = function() channel:recv() end
        local result, code, detail
        perigee.go(function()
            result, code, detail = ours:call("never")
        end)
        perigee.sleep(0.001)
        ours:close("it died")
        channel:close()
        perigee.sleep(0)
        assert.is_nil(result)
        assert.equal("closed", code)
        assert.equal("it died", detail)
        assert.equal("closed", (select(2, ours:call("never"))))
    end)

    it("does not mind an answer to nothing", function()
        ours:receive(assert(copy.encode({ id = 99, is_ok = true, result = 1 })))
    end)
end)
