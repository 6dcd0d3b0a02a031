--- Active checks: every instance of a destination that wants it is asked in turn whether it works.
-- One timer serves all, each target at a time of its own, so that they do not come together.
local client = require "perigee.http.client"
local log = require "perigee.log"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"

local health_checks = {}

local PARTS = 2 ^ 20
local MAX_BODY = 64 * 1024

-- Destination -> id of a member -> target.
local targets = {}
local timer = false -- set to when the next of them is due

-- Any time up to `seconds` from now.
local function soon(seconds)
    return scheduler.now() + seconds * random.below(PARTS) / PARTS
end

local function new_target(destination, member)
    local wanted = destination.settings.health
    return {
        destination = destination, member = member, wanted = wanted,
        due_at = soon(wanted.every_s),
        in_row = 0,       -- results that speak against what is believed
        is_checked = false,
    }
end

local function address_of(target)
    local address, port = target.member.instance.address, target.wanted.port
    return port and address:gsub(":%d+$", ":" .. port) or address
end

-- Returns whether the instance works, and why not.
local function probe_http(target)
    local response, code, detail = client.request({ address = address_of(target),
        target = target.wanted.path, timeout_s = target.wanted.timeout_s, max_body = MAX_BODY })
    if not response then
        return false, detail or code
    end
    return response.status >= 200 and response.status < 400, "status " .. response.status
end

local function probe_tcp(target)
    local opened, code = stream.connect(address_of(target),
        scheduler.now() + target.wanted.timeout_s)
    if opened then
        opened:close()
    end
    return opened ~= nil, code
end

local function believe(target, is_up, reason)
    local destination, member = target.destination, target.member
    destination.members.balancer:set_health(member, is_up, scheduler.now())
    log.warn(is_up and "an instance works again" or "an instance does not work",
        { service = destination.service, instance = member.instance.id,
        reason = not is_up and reason or nil })
end

-- So many results in a row change what is believed.
local function take(target, is_up, reason)
    if is_up == not target.member.is_down then
        target.in_row = 0
        return
    end
    target.in_row = target.in_row + 1
    if target.in_row >= (is_up and target.wanted.up or target.wanted.down) then
        target.in_row = 0
        believe(target, is_up, reason)
    end
end

local function check(target)
    local probe = target.wanted.tcp and probe_tcp or probe_http
    take(target, probe(target))
end

local arm

local function note_end(target, task, is_ok, failure, traceback)
    target.is_checked = false
    arm()
    if not is_ok then
        scheduler.on_failure(task, failure, traceback)
    end
end

-- The next check is due at its time, however long this one takes.
local function begin(target)
    target.is_checked = true
    target.due_at = target.due_at + target.wanted.every_s
    local task = scheduler.spawn(check, target)
    task.name = "check of an instance"
    scheduler.on_finish(task, function(...)
        note_end(target, ...)
    end)
end

local function each_target(fn)
    for _, of_one in pairs(targets) do
        for _, target in pairs(of_one) do
            fn(target)
        end
    end
end

-- Outside of tasks, so that checks have no context that ends.
local function begin_due()
    local now = scheduler.now()
    timer = false
    each_target(function(target)
        if target.due_at <= now and not target.is_checked then
            begin(target)
        end
    end)
    arm()
end

-- Sets the timer to when the next check is due. Who is being checked has no next one yet.
function arm()
    local next_at
    each_target(function(target)
        if not target.is_checked then
            next_at = math.min(next_at or target.due_at, target.due_at)
        end
    end)
    if timer then
        scheduler.cancel_timer(timer)
    end
    timer = next_at and scheduler.at(next_at, begin_due)
end

-- Members that stay keep what is known of them.
local function follow(destination)
    local known, present = targets[destination], {}
    for _, member in ipairs(destination.members.balancer:members()) do
        local id = member.instance.id
        local target = known[id]
        present[id] = target and target.member == member and target
            or new_target(destination, member)
    end
    targets[destination] = present
    arm()
end

--- Checks the instances of a destination from now on, as its settings say.
function health_checks.watch(destination)
    targets[destination] = {}
    destination:on_change(function()
        if targets[destination] then
            follow(destination)
        end
    end)
end

--- Ends that. What was found stays believed.
function health_checks.forget(destination)
    targets[destination] = nil
    arm()
end

return health_checks
