--- The policies that go by a key: how even they spread, what weights do, and bounded loads.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"
local hash_ring = require "perigee.balancer.hash_ring"

local KEYS = 100000

local function make(policy, weights)
    local made = balancer.new { policy = policy, random = balancing.random(5) }
    made:update(balancing.instances(weights), 0)
    return made
end

local function spread(made)
    local least, most = math.huge, 0
    local counts = balancing.count(KEYS, function(i) return made:pick("key " .. i, 0) end)
    for _, count in pairs(counts) do
        least, most = math.min(least, count), math.max(most, count)
    end
    return least, most, counts
end

describe("the ring", function()
    it("gives nobody a quarter more or less than its share", function()
        local least, most = spread(make("consistent_hash", 10))
        assert.is_true(least > 0.75 * KEYS / 10, tostring(least))
        assert.is_true(most < 1.25 * KEYS / 10, tostring(most))
    end)

    it("never has more than a quarter above the average under way at one member", function()
        local made = make("consistent_hash", 8)
        -- One key alone would go to one instance.
        for i = 1, 400 do
            local member = made:pick("the same", 0)
            made:begin(member)
            assert.is_true(member.in_flight <= math.ceil(1.25 * i / 8),
                member.in_flight .. " of " .. i)
        end
    end)

    it("goes back to the first choice when that has room again", function()
        local made = make("consistent_hash", 8)
        local first = made:pick("the same", 0)
        made:begin(first)
        made:begin(first)
        assert.not_equal(first, made:pick("the same", 0))
        made:finish(first, 1, 0.01, true)
        made:finish(first, 1, 0.01, true)
        assert.equal(first, made:pick("the same", 1))
    end)

    it("bounds its points, however heavy an instance is", function()
        local _, _, counts = spread(make("consistent_hash", { 1000000, 1000000, 1 }))
        assert.is_true(counts.i001 > 0.45 * KEYS)
        assert.is_true((counts.i003 or 0) < 0.01 * KEYS)
        local members = make("consistent_hash", { 1000000, 1000000, 1 }):members()
        local points = hash_ring.new(members).points
        assert.is_true(#points > 200000 and #points <= 2 ^ 18, tostring(#points))
    end)
end)

describe("Maglev's table", function()
    it("gives everybody its share within 2 %", function()
        local least, most = spread(make("maglev", 10))
        assert.is_true(least > 0.95 * KEYS / 10, tostring(least))
        assert.is_true(most < 1.05 * KEYS / 10, tostring(most))
    end)

    it("has places in proportion to weights", function()
        local _, _, counts = spread(make("maglev", { 300, 150, 50 }))
        assert.is_true(math.abs(counts.i001 / KEYS - 0.6) < 0.01)
        assert.is_true(math.abs(counts.i002 / KEYS - 0.3) < 0.01)
    end)

    it("ends although weights are far apart", function()
        local _, _, counts = spread(make("maglev", { 1000000, 1 }))
        assert.is_true(counts.i001 > 0.99 * KEYS)
    end)
end)
