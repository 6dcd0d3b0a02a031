--- Who may be picked: lists that change, slow start, ejections, zones.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"

local function make(instances, options)
    options = options or {}
    options.policy, options.random = options.policy or "random", balancing.random(11)
    local made = balancer.new(options)
    made:update(instances, 0)
    return made
end

local function share_of(made, id, now)
    local counts = balancing.count(20000, function() return made:pick(nil, now) end)
    return (counts[id] or 0) / 20000
end

local function assert_near(expected, actual, within)
    assert.is_true(math.abs(expected - actual) <= within,
        ("%g is not within %g of %g"):format(actual, within, expected))
end

describe("when the list changes", function()
    it("whoever stays keeps its statistics", function()
        local instances = balancing.instances(3)
        local made = make(instances)
        local kept = made:members()[2]
        made:begin(kept)
        made:begin(kept)
        made:finish(kept, 1, 0.25, true)
        local renewed = { id = "i002", address = "10.0.0.2:1", weight = 50 }
        made:update({ renewed, { id = "new", address = "10.0.0.3:1" } }, 2)
        assert.equal(kept, made:members()[1])
        assert.equal(renewed, kept.instance)
        assert.equal(1, kept.in_flight)
        assert.equal(0.25, kept.latency_s)
        assert.equal(0, made:members()[2].in_flight)
    end)

    it("an ejection lasts", function()
        local made = make(balancing.instances(4))
        made:eject(made:members()[1], 30)
        made:update(balancing.instances(5), 1)
        assert.equal(0, share_of(made, "i001", 2))
    end)

    it("a call of whoever has left can end", function()
        local made = make(balancing.instances(2))
        local gone = made:members()[1]
        made:begin(gone)
        made:update({ balancing.instances(2)[2] }, 1)
        assert.is_false(gone.is_member)
        made:finish(gone, 2, 0.1, true)
        assert.equal(0, gone.in_flight)
    end)
end)

describe("slow start", function()
    it("gives a new instance a tenth of its share, and more with time", function()
        local made = make(balancing.instances(3))
        made:update(balancing.instances(4), 100)
        assert_near(0.1 / 3.1, share_of(made, "i004", 100), 0.01)
        assert_near(0.5 / 3.5, share_of(made, "i004", 105), 0.01)
        assert_near(0.25, share_of(made, "i004", 110), 0.01)
    end)

    it("is none for the first list, for fewer than three, and when it is switched off", function()
        local made = make(balancing.instances(4))
        assert_near(0.25, share_of(made, "i004", 0), 0.01)
        made = make(balancing.instances(1))
        made:update(balancing.instances(2), 100)
        assert_near(0.5, share_of(made, "i002", 100), 0.01)
        made = make(balancing.instances(3), { slow_start_s = 0 })
        made:update(balancing.instances(4), 100)
        assert_near(0.25, share_of(made, "i004", 100), 0.01)
    end)

    it("comes after an ejection, too", function()
        local made = make(balancing.instances(4))
        made:eject(made:members()[1], 30)
        assert_near(0.1 / 3.1, share_of(made, "i001", 30), 0.01)
        assert_near(0.25, share_of(made, "i001", 40), 0.01)
    end)
end)

describe("ejections", function()
    it("are ignored when fewer than half would be left", function()
        local made = make(balancing.instances(4))
        local members = made:members()
        made:eject(members[1], 30)
        made:eject(members[2], 30)
        assert.equal(0, share_of(made, "i001", 1))
        made:eject(members[3], 30)
        assert_near(0.25, share_of(made, "i001", 1), 0.02)
        assert.is_true(made:is_panic())
        -- As the first comes back all four are there: it begins slowly, the others stay out.
        made:eject(members[3], 2)
        assert.equal(0, share_of(made, "i001", 2))
        assert.is_false(made:is_panic())
    end)
end)

describe("the own zone", function()
    local function in_zones(zones)
        local instances = balancing.instances(#zones)
        for i, zone in ipairs(zones) do
            instances[i].zone = zone
        end
        return instances
    end

    it("is preferred while half of it is there", function()
        local made = make(in_zones { "a", "a", "b", "b", "b" }, { zone = "a" })
        assert_near(0.5, share_of(made, "i001", 1), 0.02)
        assert.equal(0, share_of(made, "i003", 1))
        made:eject(made:members()[1], 30)
        assert.equal(1, share_of(made, "i002", 1))
        made:eject(made:members()[2], 30)
        assert_near(1 / 3, share_of(made, "i003", 1), 0.02)
        -- One of three is too few.
        made = make(in_zones { "a", "a", "a", "b", "b", "b" }, { zone = "a" })
        made:eject(made:members()[1], 30)
        assert.equal(0, share_of(made, "i004", 1))
        made:eject(made:members()[2], 30)
        assert_near(1 / 4, share_of(made, "i004", 1), 0.02)
    end)

    it("does not matter when nobody is in it", function()
        local made = make(in_zones { "b", "c" }, { zone = "a" })
        assert_near(0.5, share_of(made, "i001", 1), 0.02)
    end)
end)
