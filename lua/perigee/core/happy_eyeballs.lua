--- Connecting to a machine that has several addresses (RFC 8305): both families by turns, the next
-- one when an attempt has failed or takes long, and whichever answers first is taken.
local context = require "perigee.core.context"
local scheduler = require "perigee.core.scheduler"

local happy_eyeballs = {}

-- Before the next address is tried besides.
local DELAY_S = 0.25

local function is_version_6(address)
    return address:find(":", 1, true) ~= nil
end

--- The addresses with the families by turns, beginning with that of the first; within each the
-- order stays.
function happy_eyeballs.order(addresses)
    local first, others, ordered = {}, {}, {}
    for _, address in ipairs(addresses) do
        local is_first = is_version_6(address) == is_version_6(addresses[1])
        local list = is_first and first or others
        list[#list + 1] = address
    end
    for i = 1, math.max(#first, #others) do
        ordered[#ordered + 1] = first[i]
        ordered[#ordered + 1] = others[i]
    end
    return ordered
end

local function note(race)
    scheduler.wake(race.task, race.wait_id, true)
end

local function note_failure(race, code)
    race.code = race.code or code
    race.failed_count = race.failed_count + 1
    note(race)
end

local function run(race, address)
    local opened, code = race.attempt(address, race.deadline)
    if not opened then
        note_failure(race, code)
    elseif race.is_over then
        opened:close()
    else
        race.opened, race.is_over = opened, true
        note(race)
    end
end

local function start(race, address)
    local task = scheduler.spawn(run, race, address)
    task.name = "connect to " .. address
    race.tasks[#race.tasks + 1] = task
    scheduler.on_finish(task, function(_, is_ok, failure, traceback)
        if not is_ok then
            note_failure(race, "failed")
            scheduler.on_failure(task, failure, traceback)
        end
    end)
end

-- Until something has come of an attempt. Returns true, or nil and why the wait ended.
local function wait(race, deadline)
    race.wait_id = race.task.wait_id
    return scheduler.wait(deadline, "connect")
end

-- Until the attempt begun last has failed or had its time, or one has succeeded. Returns why there
-- shall be no other.
local function wait_a_while(race)
    local until_s = math.min(scheduler.now() + DELAY_S, race.deadline or math.huge)
    local failed_count = race.failed_count
    while not race.opened and race.failed_count == failed_count do
        local is_ok, reason = wait(race, until_s)
        if not is_ok then
            local is_over = until_s == race.deadline or context.current():err()
            return is_over and reason or nil
        end
    end
    return nil
end

-- Until one has succeeded or all have failed. Returns why the wait ended before.
local function wait_for_rest(race)
    while not race.opened and race.failed_count < #race.tasks do
        local is_ok, reason = wait(race, race.deadline)
        if not is_ok then
            return reason
        end
    end
    return nil
end

local function run_race(race, addresses)
    for i, address in ipairs(addresses) do
        start(race, address)
        local reason = i < #addresses and wait_a_while(race)
        if reason or race.opened then
            return reason
        end
    end
    return wait_for_rest(race)
end

--- Connects to one of several addresses.
-- @param attempt function(address, deadline) → what has a method close; or nil, code
-- @param deadline in seconds of scheduler.now, or nil
-- @return what the first attempt to succeed has returned; or nil and the code of the first that
-- failed, or "timeout" or "canceled"
function happy_eyeballs.connect(addresses, attempt, deadline)
    local race = { attempt = attempt, deadline = deadline, task = scheduler.current(),
        wait_id = 0, tasks = {}, opened = nil, code = nil, failed_count = 0, is_over = false }
    local reason = run_race(race, happy_eyeballs.order(addresses))
    race.is_over = true
    for _, task in ipairs(race.tasks) do
        if scheduler.state(task) ~= "dead" then
            context.cancel_task(task)
        end
    end
    if race.opened then
        return race.opened
    end
    return nil, reason or race.code
end

return happy_eyeballs
