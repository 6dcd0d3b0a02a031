--- `perigee test` from outside: how it fails, and how it fails again.
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

describe("perigee test", function()
    local root

    before_each(function() root = temporary.new() end)
    after_each(function() root:destroy() end)

    local function run(text, ...)
        root:write("x_spec.lua", 'local perigee = require "perigee"\n'
            .. 'local testing = require "perigee.testing"\n' .. text)
        local arguments = { "test", ... }
        for i, argument in ipairs(arguments) do
            arguments[i] = tostring(argument)
        end
        arguments[#arguments + 1] = root:join("x_spec.lua")
        local status, output, log = program.run(arguments)
        return status, output .. log
    end

    -- Two tasks of which the second is usually the last.
    local RACY = [[
        it("is racy", function()
            local last
            local a, b = perigee.go(function() last = 1 end), perigee.go(function() last = 2 end)
            a:join()
            b:join()
            assert.equal(2, last)
        end)]]

    it("reports a deadlock and goes on with the next spec", function()
        local status, said = run [[
            it("is stuck", function() perigee.chan():recv() end)
            it("is fine", function() end)]]
        assert.equal(1, status)
        assert.matches("1 success / 0 failures / 1 error ", said)
        assert.matches("all tasks are asleep %- deadlock!\n\ntask main %[chan receive, ", said)
    end)

    it("fails in a spec that only timers keep alive", function()
        local status, said = run [[
            it("ticks", function()
                testing.virtual_clock()
                perigee.tick(1)
                perigee.chan():recv()
            end)
            it("is fine", function() perigee.sleep(0.001) end)]]
        assert.equal(1, status)
        assert.matches("1 success / 0 failures / 1 error ", said)
        assert.matches("the virtual clock fired a million timers", said)
    end)

    it("runs under a seed, prints it, and fails again under the same in another process", function()
        local status, said
        local seed = 0
        repeat
            seed = seed + 1
            status, said = run(RACY, "--seed", seed)
        until status ~= 0 or seed == 50
        assert.equal(1, status)
        assert.matches(("failed under seed %d; the same again: perigee test %%-%%-seed %d ")
            :format(seed, seed), said)
        assert.equal(1, (run(RACY, "--seed=" .. seed)))
        assert.equal(0, (run(RACY)))
        local with_variable = program.run({ "test", root:join("x_spec.lua") },
            { environment = { PERIGEE_SEED = tostring(seed) } })
        assert.equal(1, with_variable)
    end)

    it("runs under several seeds until one fails", function()
        local status, said = run(RACY, "--seeds", "50")
        assert.equal(1, status)
        local last
        for seed in said:gmatch("seed (%d+)\n") do
            last = seed
        end
        assert.matches(("failed under seed %s;"):format(last), said)
        assert.equal(0, (run([[it("is fine", function() end)]], "--seeds", "2", "--seed", "7")))
    end)

    it("has explore run under its seed alone", function()
        local _, said = run([[
            it("says", function()
                testing.explore(9, function(seed) print("at " .. seed) end)
            end)]], "--seed", "42")
        assert.matches("at 42\n", said)
        assert.is_nil(said:find("at 1\n", 1, true))
    end)

    it("refuses seeds that are none", function()
        local status, said = run("", "--seed", "x")
        assert.equal(2, status)
        assert.matches("perigee: %-%-seed must be a whole number, got 'x'", said)
        assert.equal(2, (run("", "--seeds", "0")))
    end)
end)
