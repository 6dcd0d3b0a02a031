--- Deadlines that callers give to their requests and calls: at each, what is not answered by then
-- is answered so, and the waits for it end. Who waits no longer on arrival is answered at once.
--
-- Deadlines are brought forward a little, so that many have one in common and a request costs no
-- timer.
local context = require "perigee.core.context"
local hop = require "perigee.core.hop"
local membership = require "perigee.core.membership"
local scheduler = require "perigee.core.scheduler"

local deadlines = {}

-- By such a part of the wait, or less. So the number of different ones is bounded, too: as many for
-- each doubling of the wait.
local PART = 64

-- Further ones are none.
local MOST_WAIT_S = 24 * 3600

-- Of each: that of its context, and the one that answers.
local TIMERS = 2

local buckets = {} -- deadline -> { context =, late = item → function(item), ends_at = }
local held = {}    -- item -> { bucket =, task =, before = context, within = context }

local function expire(bucket)
    bucket.state.own_timer_count = bucket.state.own_timer_count - TIMERS
    buckets[bucket.ends_at] = nil
    for item, give_up in pairs(bucket.late) do
        give_up(item)
    end
end

local function round_down(deadline, now)
    local _, exponent = math.frexp((deadline - now) / PART)
    local step = 2 ^ (exponent - 1)
    return math.floor(deadline / step) * step
end

-- The timer that answers comes first, before anybody learns that it is late.
local function bucket_at(state, ends_at)
    local bucket = buckets[ends_at]
    if not bucket then
        bucket = { state = state, late = {}, ends_at = ends_at }
        scheduler.at(ends_at, expire, bucket)
        bucket.context = context.with_deadline(context.background(), ends_at)
        state.own_timer_count = state.own_timer_count + TIMERS
        buckets[ends_at] = bucket
    end
    return bucket
end

local function knowing(parent, previous)
    return previous > 0 and hop.with_previous_attempts(parent, previous) or parent
end

local function hold(state, item, deadline, previous, give_up)
    local task = scheduler.current()
    local bucket = bucket_at(state, deadline)
    bucket.late[item] = give_up
    held[item] = { bucket = bucket, task = task, before = knowing(task.context, previous),
        within = knowing(bucket.context, previous) }
    membership.move(task, held[item].within)
end

local function is_sooner(deadline, now)
    local ends_at = scheduler.current().context.ends_at
    return deadline and deadline - now <= MOST_WAIT_S and not (ends_at and ends_at <= deadline)
end

--- The running task serves `item` from here on.
-- @param state of perigee.service.instance
-- @param deadline in seconds of perigee.now(), or nil
-- @param previous how many attempts there were before
-- @param give_up function(item), called when the deadline has passed
-- @return false when it has by now, and then give_up was called
function deadlines.begin(state, item, deadline, previous, give_up)
    local now = scheduler.now()
    if deadline and deadline <= now then
        give_up(item)
        return false
    elseif is_sooner(deadline, now) then
        hold(state, item, round_down(deadline, now), previous, give_up)
    elseif previous > 0 then
        local task = scheduler.current()
        membership.move(task, knowing(task.context, previous))
    end
    return true
end

--- It is over.
function deadlines.finish(item)
    local one = held[item]
    if one then
        held[item] = nil
        one.bucket.late[item] = nil
    end
end

--- It was answered in part; the rest may take as long as its caller likes.
function deadlines.lift(item)
    local one = held[item]
    deadlines.finish(item)
    if one and one.task.context == one.within then
        membership.move(one.task, one.before)
    end
end

return deadlines
