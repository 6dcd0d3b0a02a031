--- Two choices by latency: what makes a member dear, probes, and what a slow instance costs.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"

local function make(count, policy)
    local made = balancer.new { policy = policy or "peak_ewma", random = balancing.random(23),
        ejection = false }
    made:update(balancing.instances(count), 0)
    return made, made:members()
end

-- One call of `member` that ends at `now`.
local function call(made, member, now, latency_s, is_ok)
    made:begin(member)
    made:finish(member, now, latency_s, is_ok ~= false)
end

-- Picks at a time when nobody needs a probe.
local function picks(made, count, now)
    for _, member in ipairs(made:members()) do
        member.picked_at = now
    end
    return balancing.count(count, function() return made:pick(nil, now) end)
end

describe("two choices by latency", function()
    it("takes the faster of two", function()
        local made, members = make(2)
        call(made, members[1], 1, 0.1)
        call(made, members[2], 1, 0.01)
        assert.equal(100, picks(made, 100, 1).i002)
    end)

    it("takes the one with less under way", function()
        local made, members = make(2)
        call(made, members[1], 1, 0.02)
        call(made, members[2], 1, 0.02)
        made:begin(members[2])
        assert.equal(100, picks(made, 100, 1).i001)
    end)

    it("avoids who fails, however fast", function()
        local made, members = make(2)
        for now = 1, 5 do
            call(made, members[1], now * 3, 0.01, true)
            call(made, members[2], now * 3, 0.005, false)
        end
        assert.equal(100, picks(made, 100, 15).i001)
    end)

    it("does not blame an instance for what its caller gave up", function()
        local made, members = make(2)
        made:begin(members[1])
        made:finish(members[1], 5, 30, nil)
        assert.equal(1, members[1].success)
        assert.is_false(members[1].has_latency)
        assert.equal(0, members[1].in_flight)
    end)

    it("follows a peak at once and forgets it in the course of seconds", function()
        local made, members = make(1)
        call(made, members[1], 1, 0.01)
        call(made, members[1], 2, 1)
        assert.equal(1, members[1].latency_s)
        call(made, members[1], 12, 0.01)
        assert.is_true(members[1].latency_s < 0.38 and members[1].latency_s > 0.36)
        for now = 13, 80 do
            call(made, members[1], now, 0.01)
        end
        assert.is_true(members[1].latency_s < 0.012)
    end)

    it("takes a new instance for neither fast nor slow", function()
        local made, members = make(3)
        call(made, members[1], 1, 0.01)
        call(made, members[2], 1, 0.1)
        -- The median of the others is 0.01: as dear as the first, cheaper than the second.
        local counts = picks(made, 3000, 1)
        assert.is_true(counts.i003 > 1300 and counts.i003 < 1700, tostring(counts.i003))
        assert.is_nil(counts.i002)
    end)

    it("probes the loser after a second, with one call at a time", function()
        local made, members = make(2)
        call(made, members[1], 1, 1)
        call(made, members[2], 1, 0.01)
        picks(made, 1, 1)
        assert.equal("i002", made:pick(nil, 2).instance.id)
        local probed = made:pick(nil, 2.1)
        assert.equal("i001", probed.instance.id)
        made:begin(probed)
        for now = 3, 10 do
            assert.equal("i002", made:pick(nil, now).instance.id)
        end
        made:finish(probed, 10, 0.9, true)
        assert.equal("i001", made:pick(nil, 11.5).instance.id)
    end)
end)

-- Ten instances that answer in 10 ms, one of them in 100; a call every millisecond for twenty
-- seconds of a clock of our own. Returns the p99 of the calls of the last fifteen.
local function p99_of(policy)
    local made, members = make(10, policy)
    local ends, latencies = {}, {}
    for tick = 1, 20000 do
        local now = tick / 1000
        for _, one in ipairs(ends[tick] or {}) do
            made:finish(one.member, now, one.latency_s, true)
        end
        ends[tick] = nil
        local member = made:pick(nil, now)
        made:begin(member)
        local latency_ms = member == members[4] and 100 or 10
        ends[tick + latency_ms] = ends[tick + latency_ms] or {}
        table.insert(ends[tick + latency_ms], { member = member, latency_s = latency_ms / 1000 })
        if tick > 5000 then
            latencies[#latencies + 1] = latency_ms
        end
    end
    table.sort(latencies)
    return latencies[math.ceil(#latencies * 0.99)]
end

describe("with an instance ten times as slow", function()
    it("the p99 of two choices is at most a third of round robin's", function()
        local turns, choices = p99_of "round_robin", p99_of "peak_ewma"
        assert.equal(100, turns)
        assert.is_true(choices <= turns / 3, choices .. " ms of " .. turns)
    end)
end)
