--- Random tasks over channels, selects, contexts, locks and timers, under many seeds and on a
-- virtual clock: whatever they do, no value is lost and no task, timer, waiter, context or lock is
-- left. PERIGEE_SOAK is how many million operations, 1 when it is left out; what a seed does is
-- always the same.
local context = require "perigee.context"
local perigee = require "perigee"
local queue = require "perigee.core.queue"
local random = require "perigee.core.random"
local sync = require "perigee.sync"
local testing = require "perigee.testing"

local TASK_COUNT, STEP_COUNT = 20, 250
local SEED_COUNT = (tonumber(os.getenv "PERIGEE_SOAK") or 1) * 1e6 / (TASK_COUNT * STEP_COUNT)

local below = random.below

local operation_count = 0

local function new_world()
    local world = { channels = {}, mutex = sync.mutex(), semaphore = sync.semaphore(2), sent = 0,
        received = 0, left = 0, operations = 0, running = TASK_COUNT }
    for i = 1, 4 do
        world.channels[i] = perigee.chan(below(3) - 1)
    end
    return world
end

local function any_channel(world)
    return world.channels[below(#world.channels)]
end

local function count_sent(world, is_open, is_sent)
    if is_open and is_sent == true then
        world.sent = world.sent + 1
    end
end

local function count_received(world, _, is_ok)
    if is_ok == true then
        world.received = world.received + 1
    end
end

local function send(world)
    count_sent(world, pcall(function(channel) return channel:send(1) end, any_channel(world)))
end

local function receive(world)
    count_received(world, any_channel(world):recv())
end

local function select_one(world)
    local cases = { { any_channel(world), "recv" }, { any_channel(world), "send", 1 },
        timeout = below(2) == 1 and below(3) or nil, default = below(4) == 1 }
    local is_open, number, value, is_ok = pcall(perigee.select, cases)
    if is_open and number == 1 then
        count_received(world, value, is_ok)
    elseif is_open and number == 2 then
        world.sent = world.sent + 1
    end
end

-- Another takes the place of a channel that is closed, so that there is always something to do.
local function close(world)
    local place = below(#world.channels)
    local closed = world.channels[place]
    world.channels[place] = perigee.chan(below(3) - 1)
    closed:close()
    world.left = world.left + closed:len()
    assert(queue.is_empty(closed.receivers) and queue.is_empty(closed.senders))
end

local function receive_until_deadline(world)
    local limited, cancel = context.with_timeout(context.current(), below(3))
    limited:run(receive, world)
    cancel()
end

local function cancel_one(world)
    local cancelled, cancel = context.with_cancel(context.current())
    local task
    cancelled:run(function() task = perigee.go(below(2) == 1 and send or receive, world) end)
    if below(2) == 1 then
        perigee.sleep(0)
    end
    local end_it = below(2) == 1 and cancel or function() task:cancel() end
    end_it()
    task:join()
    cancel()
end

local function take_places(world)
    local count = below(2)
    if world.semaphore:acquire(count) then
        perigee.sleep(0)
        world.semaphore:release(count)
    end
end

-- What there is more of stands more often.
local steps = {
    send, send, send, send, receive, receive, receive, receive, select_one, select_one, select_one,
    close, receive_until_deadline, cancel_one, take_places,
    function(world) world.mutex:with(perigee.sleep, 0) end,
    function() perigee.go(perigee.sleep, 0):join(below(2) == 1 and 0 or nil) end,
    function() perigee.after_func(below(2), function() end):stop() end,
    function() perigee.sleep(below(2) - 1) end,
}

local function act(world)
    for _ = 1, STEP_COUNT do
        steps[below(#steps)](world)
        world.operations = world.operations + 1
    end
    world.running = world.running - 1
end

-- When all wait for each other, time goes on, and this closes a channel.
local function keep_moving(world)
    while world.running > 0 do
        perigee.sleep(1)
        close(world)
    end
end

local function check(world)
    for _, channel in ipairs(world.channels) do
        assert(queue.is_empty(channel.receivers) and queue.is_empty(channel.senders))
        world.left = world.left + channel:len()
    end
    assert.equal(TASK_COUNT * STEP_COUNT, world.operations)
    assert.equal(world.sent, world.received + world.left)
    assert.is_true(world.mutex:try_lock())
    assert.equal(0, world.semaphore.taken_count)
end

local function run()
    local world = new_world()
    local group = perigee.group()
    for _ = 1, TASK_COUNT do
        group:go(act, world)
    end
    keep_moving(world)
    assert(group:wait())
    check(world)
    operation_count = operation_count + world.operations
end

describe("the concurrency of a service", function()
    it("loses nothing and leaves nothing behind", function()
        testing.explore(SEED_COUNT, run)
        assert.is_true(operation_count >= SEED_COUNT * TASK_COUNT * STEP_COUNT)
    end)
end)
