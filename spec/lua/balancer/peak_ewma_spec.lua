--- Two choices by latency: what makes a member dear, probes, and what a slow instance costs.
local balancer = require "perigee.balancer"
local balancing = require "spec.support.balancing"
local timer_heap = require "perigee.core.timer_heap"

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

-- Instances that answer in 5 to 15 ms, the last of them in ten times that; a clock of our own.
-- Calls come by chance, `rate` a second; or `concurrency` of them are under way all the time.
-- Returns the p99 of 20,000 calls.
local function p99_of(policy, count, load)
    local made, members = make(count, policy)
    local random = balancing.random(5)
    local queue, latencies = timer_heap.new(), {}
    local function begin(now)
        local member = made:pick(nil, now)
        made:begin(member)
        local latency_s = (0.5 + random(1000) / 1000) * (member == members[count] and 0.1 or 0.01)
        queue:add({ deadline = now + latency_s, member = member, latency_s = latency_s })
    end
    for i = 1, load.concurrency or 0 do
        begin(i / 10000)
    end
    local arrives_at = load.rate and 0 or math.huge
    while #latencies < 20000 do
        local ended = queue:first()
        local now = math.min(ended and ended.deadline or math.huge, arrives_at)
        if now == arrives_at then
            begin(now)
            arrives_at = now - math.log(random(1000000) / 1000000) / load.rate
        else
            queue:remove(ended)
            made:finish(ended.member, now, ended.latency_s, true)
            latencies[#latencies + 1] = ended.latency_s
            if load.concurrency then
                begin(now)
            end
        end
    end
    table.sort(latencies)
    return latencies[math.ceil(#latencies * 0.99)]
end

describe("with one of three instances ten times as slow", function()
    for _, load in ipairs { { concurrency = 3 }, { concurrency = 16 }, { concurrency = 64 },
        { rate = 200 }, { rate = 400 }, { rate = 1000 } } do
        it(("the p99 of two choices is at most a third of round robin's: %d %s"):format(
            load.rate or load.concurrency, load.rate and "a second" or "at once"), function()
            local turns, choices = p99_of("round_robin", 3, load), p99_of("peak_ewma", 3, load)
            assert.is_true(turns > 0.12)
            assert.is_true(choices <= turns / 3, choices .. " s of " .. turns)
        end)
    end
end)
