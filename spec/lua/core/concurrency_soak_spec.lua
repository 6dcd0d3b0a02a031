--- Random tasks over channels, selects, contexts, locks and timers, under many seeds: whatever they
-- do, afterwards no task, waiter, context or lock is left. PERIGEE_SOAK=N makes it N times as long.
local context = require "perigee.context"
local membership = require "perigee.core.membership"
local perigee = require "perigee"
local queue = require "perigee.core.queue"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"
local sync = require "perigee.sync"

local SEED_COUNT, TASK_COUNT, STEP_COUNT = 200, 12, 20
local ROUND_COUNT = tonumber(os.getenv "PERIGEE_SOAK") or 1

local below = random.below

local function new_world()
    local world = { channels = {}, mutex = sync.mutex(), semaphore = sync.semaphore(2), sent = 0,
        received = 0 }
    for i = 1, 4 do
        world.channels[i] = perigee.chan(below(3) - 1)
    end
    world.context, world.cancel = context.with_cancel(context.background())
    return world
end

local function any_channel(world)
    return world.channels[below(#world.channels)]
end

local function count_received(world, is_ok)
    world.received = world.received + (is_ok == true and 1 or 0)
end

local steps = {
    function(world)
        local is_open, is_sent = pcall(function() return any_channel(world):send(1) end)
        world.sent = world.sent + (is_open and is_sent and 1 or 0)
    end,
    function(world)
        local _, is_ok = any_channel(world):recv()
        count_received(world, is_ok)
    end,
    function(world)
        local cases = { { any_channel(world), "recv" }, { any_channel(world), "send", 1 },
            timeout = below(2) == 1 and below(3) / 10000 or nil, default = below(4) == 1 }
        local is_open, number, _, is_ok = pcall(perigee.select, cases)
        if is_open and number == 1 then
            count_received(world, is_ok)
        elseif is_open and number == 2 then
            world.sent = world.sent + 1
        end
    end,
    function(world) world.mutex:with(perigee.sleep, 0) end,
    function(world)
        if world.semaphore:acquire(below(2)) then
            perigee.sleep(0)
            world.semaphore:release(world.semaphore.taken_count > 1 and 1 or
                world.semaphore.taken_count)
        end
    end,
    function(world)
        local limited, cancel = context.with_timeout(context.current(), below(3) / 10000)
        count_received(world, select(2, limited:run(function()
            return any_channel(world):recv()
        end)))
        cancel()
    end,
    function() perigee.go(perigee.sleep, 0):join(below(2) == 1 and 0 or nil) end,
    function() perigee.after_func(0, function() end):stop() end,
    function() perigee.sleep(0) end,
}

local function act(world)
    for _ = 1, STEP_COUNT do
        steps[below(#steps)](world)
    end
end

local function run(seed)
    random.seed(seed)
    local world, tasks = new_world(), {}
    world.context:run(function()
        for i = 1, TASK_COUNT do
            tasks[i] = perigee.go(act, world)
        end
    end)
    perigee.sleep(0.001)
    tasks[below(TASK_COUNT)]:cancel()
    any_channel(world):close()
    perigee.sleep(0.0005)
    world.cancel()
    for i = 1, TASK_COUNT do
        local is_ok, failure, traceback = tasks[i]:join()
        assert(is_ok, tostring(failure) .. tostring(traceback))
    end
    -- What those started and did not wait for ends, too.
    perigee.sleep(0)
    perigee.sleep(0)
    return world
end

local function check(world)
    local left = 0
    for _, channel in ipairs(world.channels) do
        assert(queue.is_empty(channel.receivers) and channel.receivers.next == channel.receivers)
        assert(queue.is_empty(channel.senders) and channel.senders.next == channel.senders)
        left = left + channel:len()
    end
    assert.equal(world.sent, world.received + left)
    assert.is_true(world.mutex:try_lock())
    assert.equal(0, world.context.member_count)
    assert.is_false(world.context.is_attached)
end

describe("the concurrency of a service", function()
    it("leaves nothing behind", function()
        local tasks, members = scheduler.live_count(), membership.background.member_count
        for round = 1, ROUND_COUNT do
            for seed = 1, SEED_COUNT do
                check(run((round - 1) * SEED_COUNT + seed))
            end
        end
        perigee.sleep(0.002)
        assert.equal(tasks, scheduler.live_count())
        assert.equal(members, membership.background.member_count)
    end)
end)
