local context = require "perigee.context"
local perigee = require "perigee"

local it = require "spec.support.under_seeds"(it)

describe("perigee.group", function()
    it("E1: wait returns the first error, raised or returned", function()
        local group = perigee.group()
        group:go(function() perigee.sleep(0.001) return nil, "second" end)
        group:go(function() return nil, "first" end)
        group:go(function() return "fine" end)
        assert.same({ nil, "first" }, { group:wait() })
        group = perigee.group()
        group:go(error, "raised", 0)
        assert.equal("raised", select(2, group:wait()))
        group = perigee.group()
        group:go(function() end)
        assert.is_true(group:wait())
    end)

    it("E2: the first error ends the context of the others, and is its cause", function()
        local group = perigee.group()
        local seen
        group:go(function() seen = { perigee.sleep(10) } end)
        group:go(function() return nil, "broken" end)
        assert.same({ nil, "broken" }, { group:wait() })
        assert.same({ nil, "canceled" }, seen)
        assert.equal("broken", group.context:cause())
    end)

    it("E3: wait waits for all, then ends the context", function()
        local group = perigee.group()
        local ended = 0
        for i = 1, 3 do
            group:go(function()
                perigee.sleep(i / 1000)
                ended = ended + 1
            end)
        end
        assert.is_true(group:wait())
        assert.equal(3, ended)
        assert.equal("canceled", group.context:err())
        assert.is_true(perigee.group():wait())
    end)

    it("E4: with a limit go waits for its turn, and try_go says no", function()
        local group = perigee.group { limit = 2 }
        local running, most = 0, 0
        for _ = 1, 6 do
            assert.is_true(group:go(function()
                running = running + 1
                most = math.max(most, running)
                perigee.sleep(0.001)
                running = running - 1
            end))
        end
        assert.is_false(group:try_go(function() end))
        local is_ok, message = pcall(function() group:set_limit(3) end)
        assert.is_false(is_ok)
        assert.matches("group_spec%.lua:%d+: modify limit while 2 tasks .* still active", message)
        assert.is_true(group:wait())
        assert.equal(2, most)
        group:set_limit(0)
        assert.is_false(group:try_go(function() end))
        local limited = context.with_timeout(context.current(), 0.001)
        assert.same({ nil, "timeout" }, { limited:run(group.go, group, function() end) })
        group:set_limit(-1)
        assert.is_true(group:try_go(function() end))
        assert.is_true(group:wait())
    end)

    it("E5: an error that is raised comes with its traceback and where it was started", function()
        local group = perigee.group()
        group:go(function() error("boom") end)
        local is_ok, failure, traceback = group:wait()
        assert.is_nil(is_ok)
        assert.matches("group_spec%.lua:%d+: boom", failure)
        assert.matches("stack traceback.*started by:.*group_spec%.lua:%d+", traceback)
    end)

    it("ends with the context it was made under", function()
        local parent, cancel = context.with_cancel(context.background())
        local group = perigee.group { context = parent }
        local seen
        group:go(function() seen = { perigee.sleep(10) } end)
        perigee.sleep(0)
        cancel()
        assert.is_true(group:wait())
        assert.same({ nil, "canceled" }, seen)
    end)
end)
