--- A balancer that leaves out who fails.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"

local function make(options)
    options = options or {}
    options.policy, options.random = "random", balancing.random(9)
    local made = balancer.new(options)
    made:update(balancing.instances(6), 0)
    return made
end

-- `count` calls in a second of which those of `ill` fail with the probability `rate`. Returns how
-- many went there.
local function run(made, from_s, count, ill, rate)
    local chance, met = balancing.random(count), 0
    for i = 1, count do
        local now = from_s + i / count
        local member = made:pick(nil, now)
        made:begin(member)
        local is_ill = member.instance.id == ill
        met = met + (is_ill and 1 or 0)
        made:finish(member, now, 0.01, not (is_ill and chance(1000) <= rate * 1000))
    end
    return met
end

describe("a balancer", function()
    it("leaves out who fails at once, and says so", function()
        local told = {}
        local made = make { on_eject = function(member, until_s, reason)
            told[#told + 1] = { member.instance.id, until_s > 30 and until_s < 31, reason }
        end }
        assert.equal(5, run(made, 0, 1000, "i002", 1))
        assert.same({ { "i002", true, "5 failures in a row" } }, told)
    end)

    it("leaves out who fails too often with the sweep", function()
        local made = make()
        local met = 0
        for second = 0, 10 do
            met = met + run(made, second, 200, "i003", 0.25)
        end
        assert.is_true(met > 100)
        assert.equal(0, run(made, 11, 200, "i003", 0.25))
    end)

    it("takes it back slowly, and leaves it out for longer the next time", function()
        local made = make()
        run(made, 0, 1000, "i002", 1)
        assert.equal(0, run(made, 29, 500, "i002", 0))
        local met = run(made, 31.5, 1000, "i002", 0)
        assert.is_true(met > 5 and met < 60, tostring(met))
        assert.is_true(run(made, 33, 1000, "i002", 1) < 60)
        assert.equal(0, run(made, 92, 500, "i002", 0))
        assert.is_true(run(made, 105, 500, "i002", 0) > 0)
    end)

    it("leaves out nobody when told so", function()
        local made = make { ejection = false }
        assert.is_true(run(made, 0, 1000, "i002", 1) > 100)
    end)

    it("takes settings of its own", function()
        local made = make { ejection = { failures = 50 } }
        assert.equal(50, run(made, 0, 1000, "i002", 1))
    end)

    it("does not judge who has left the list", function()
        local told = 0
        local made = make { on_eject = function() told = told + 1 end }
        local gone = made:members()[6]
        for _ = 1, 5 do
            made:begin(gone)
        end
        made:update(balancing.instances(5), 1)
        for _ = 1, 5 do
            made:finish(gone, 1, 0.01, false)
        end
        assert.equal(0, told)
    end)

    local function lose(made, member, now)
        made:begin(member)
        made:finish(member, now, 0.001, false, true)
    end

    it("leaves out at once who takes no connection, for a short time, and half at most", function()
        local told = {}
        local made = make { on_eject = function(member, until_s, reason)
            told[#told + 1] = { member.instance.id, until_s, reason }
        end }
        for i = 1, 6 do
            lose(made, made:members()[i], 1)
            lose(made, made:members()[i], 1)
        end
        assert.same({ { "i001", 6, "it takes no connection" }, { "i002", 6,
            "it takes no connection" }, { "i003", 6, "it takes no connection" } }, told)
        assert.equal(0, run(made, 2, 500, "i001", 0))
        assert.is_true(run(made, 7, 500, "i001", 0) > 0)
        -- The next time is no longer for that.
        lose(made, made:members()[1], 10)
        assert.equal(15, told[4][2])
    end)

    it("leaves out who does not work, until it does again, and then begins slowly", function()
        local made = make()
        local member = made:members()[2]
        made:set_health(member, false, 0)
        assert.equal(0, run(made, 1, 500, "i002", 0))
        assert.equal(0, run(made, 1000, 500, "i002", 0))
        made:set_health(member, true, 2000)
        local met = run(made, 2001, 1000, "i002", 0)
        assert.is_true(met > 5 and met < 60, tostring(met))
        assert.is_true(run(made, 2020, 1000, "i002", 0) > 100)
    end)

    it("takes all when fewer than half work, as when half are left out otherwise", function()
        local made = make()
        for i = 1, 3 do
            made:set_health(made:members()[i], false, 0)
        end
        assert.equal(0, run(made, 1, 500, "i001", 0))
        assert.is_false(made:is_panic())
        lose(made, made:members()[4], 2)
        assert.is_true(run(made, 3, 500, "i001", 0) > 0)
        assert.is_true(made:is_panic())
    end)
end)
