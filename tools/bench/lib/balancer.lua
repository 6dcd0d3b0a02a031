-- Run by `perigee test`: for each policy nanoseconds of a pick and of a whole call (pick, begin,
-- finish), and milliseconds from a changed list to the next pick, a line each.
local balancer = require "perigee.balancer"
local random = require "perigee.core.random"

local INSTANCES, COUNT, UPDATES, KEYS = 1000, 1000000, 20, 1000

local keys = {}
for i = 1, KEYS do
    keys[i] = "user-" .. i * 7919
end

local function instances(weight_of)
    local list = {}
    for i = 1, INSTANCES do
        list[i] = { id = "users-10.0.0." .. i, weight = weight_of(i) }
    end
    return list
end

local function equal()
    return 100
end

local function two_kinds(i)
    return i % 4 == 0 and 200 or 100
end

-- All have answered, some while ago.
local function warm(made)
    for i, member in ipairs(made:members()) do
        made:begin(member)
        made:finish(member, 1, i % 20 / 1000, true)
    end
end

local function time_picks(made)
    local started = os.clock()
    for i = 1, COUNT do
        made:pick(keys[i % KEYS + 1], 1 + i * 1e-5)
    end
    return (os.clock() - started) / COUNT * 1e9
end

local function time_calls(made)
    local started = os.clock()
    for i = 1, COUNT do
        local now = 1 + i * 1e-5
        local member = made:pick(keys[i % KEYS + 1], now)
        made:begin(member)
        made:finish(member, now, i % 20 / 1000, true)
    end
    return (os.clock() - started) / COUNT * 1e9
end

local function time_updates(made, list)
    local started = os.clock()
    for i = 1, UPDATES do
        list[i] = { id = "other-" .. i, weight = list[i].weight }
        made:update(list, 2)
        made:pick(keys[i], 2)
    end
    return (os.clock() - started) / UPDATES * 1e3
end

local function measure(name, policy, weight_of)
    local list = instances(weight_of)
    local made = balancer.new { policy = policy, random = random.below, slow_start_s = 0 }
    made:update(list, 0)
    warm(made)
    print(("balancer %s %.1f %.1f %.2f"):format(name, time_picks(made), time_calls(made),
        time_updates(made, list)))
end

measure("round_robin", "round_robin", equal)
measure("round_robin,weights", "round_robin", two_kinds)
measure("random", "random", equal)
measure("random,weights", "random", two_kinds)
measure("least_requests", "least_requests", equal)
measure("peak_ewma", "peak_ewma", equal)
measure("consistent_hash", "consistent_hash", equal)
measure("maglev", "maglev", equal)
