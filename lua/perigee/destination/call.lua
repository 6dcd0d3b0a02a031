--- One call of a destination: its attempts, until one settles it. What may be tried again, and
-- when, is decided here and nowhere else.
local attempt = require "perigee.destination.attempt"
local context = require "perigee.core.context"
local hop = require "perigee.core.hop"
local race = require "perigee.destination.race"
local random = require "perigee.core.random"
local retry_timing = require "perigee.resilience.retry_timing"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.destination.settings"

local call = {}

local methods = {}
local metatable = { __index = methods }

-- What has not run may go to so many others.
local MOST_ELSEWHERE = 2

local function earlier(a, b)
    return a and b and math.min(a, b) or a or b
end

-- What was asked for with the call; else what the destination has.
local function part(self, request, name)
    local found = request[name]
    if found == nil then
        found = self.destination.settings[name]
    else
        found = settings.of_call(name, found, 4)
    end
    return found
end

-- What may not be repeated is neither tried again nor twice, and neither is what is a repetition
-- already: or each hop would multiply the load.
local function may_repeat(self, request)
    return request.is_idempotent == true and self.previous == 0
end

local function deadline_of(destination, request)
    local timeout_s = request.timeout_s or not request.deadline and destination.settings.timeout_s
    return earlier(context.current():deadline(),
        timeout_s and scheduler.now() + timeout_s or request.deadline)
end

--- Makes one; see destination:call. Errors of the request name the line that called that.
function call.new(destination, request)
    local self = setmetatable({
        destination = destination,
        attempt = request.attempt,
        key = request.key,
        method = request.method,
        deadline = deadline_of(destination, request),
        breaker = destination:breaker_of(request),
        previous = hop.previous_attempts(),
        tried = false, tried_count = 0, -- members asked before this attempt, as the keys of a table
        number = 0,       -- attempts begun
        counted = 1,      -- the first and its retries
        elsewhere = 0,    -- attempts that came after one that had not run
        retries = false, hedge = false,
    }, metatable)
    local retries, hedge = part(self, request, "retries"), part(self, request, "hedge")
    if may_repeat(self, request) then
        self.retries, self.hedge = retries, hedge
    end
    return self
end

-- An attempt gets its share of the time that is left.
local function attempt_deadline(self)
    local left = self.retries and self.retries.attempts - self.counted + 1 or 1
    if not self.deadline or left <= 1 then
        return self.deadline
    end
    local now = scheduler.now()
    return now + retry_timing.attempt_s(self.deadline - now, left)
end

-- Another attempt follows the one of `member`.
local function note_tried(self, member)
    self.tried = self.tried or {}
    if not self.tried[member] then
        self.tried[member] = true
        self.tried_count = self.tried_count + 1
    end
end

local function rejected(self, probability)
    local service = self.destination.service
    local name = self.method and ("%s/%s"):format(service, self.method) or service
    return nil, "rejected", ("rejected by breaker for %s (%.0f %%)"):format(name,
        probability * 100)
end

-- The next attempt, ready to run; or nil, code, detail.
local function begin(self)
    local destination = self.destination
    if self.breaker then
        local is_admitted, probability = self.breaker:admit(scheduler.now())
        destination:note_refusal(self.method or "", self.breaker, probability)
        if not is_admitted then
            return rejected(self, probability)
        end
    end
    local member, code, detail = destination.members:pick(self.key, self.tried)
    if not member then
        return nil, code, detail
    end
    self.number = self.number + 1
    return attempt.new(self, member, attempt_deadline(self))
end

-- Tells all who learn from it. An attempt that has not run says nothing of the others: of that the
-- breaker hears only when the call ends with it.
local function settle(self, one, latency_s)
    local now = scheduler.now()
    local budget = self.destination.budget
    if one.verdict == "ok" then
        self.destination:note_latency(now, latency_s)
        budget:succeed()
        if self.breaker then
            self.breaker:accept(now)
        end
    elseif one.verdict == "ill" and not one.is_unsent then
        budget:fail()
        if self.breaker then
            self.breaker:fail(now)
        end
    end
end

local function run(self, one)
    local started = scheduler.now()
    one:run(self.destination.members, self.attempt)
    settle(self, one, scheduler.now() - started)
    return one
end

-- A second attempt beside the first, or nil.
local function begin_hedge(self, first)
    local destination = self.destination
    if not destination.budget:allows() then
        destination:count("budget_exhausted")
        return nil
    end
    note_tried(self, first.member)
    local one = begin(self)
    if one then
        destination.budget:fail() -- takes a token, so that hedges stay few whatever they bring
        destination:count("hedges")
    end
    return one
end

-- Has the next attempt made, or two. Returns the one that counts; or nil, code, detail.
local function try(self)
    local first, code, detail = begin(self)
    if not first then
        return nil, code, detail
    end
    local delay_s = self.hedge and self.destination:hedge_delay_s(self.hedge)
    if not delay_s then
        return run(self, first)
    end
    local one, reason = race.run(first, delay_s, function()
        return begin_hedge(self, first)
    end, function(started)
        run(self, started)
    end)
    return one, reason, one == nil and "no attempt was answered" or nil
end

local function may_go_elsewhere(self, one)
    if not one.is_unsent or one.verdict ~= "ill" or one.is_claimed then
        return false
    end
    note_tried(self, one.member)
    return self.elsewhere < MOST_ELSEWHERE and self.tried_count < #self.destination.members.list
end

local function may_retry(self, one)
    local retries = self.retries
    if not retries or self.counted >= retries.attempts or not one:may_help_again() then
        return false
    elseif not self.destination.budget:allows() then
        self.destination:count("budget_exhausted")
        return false
    end
    return true
end

-- Waits as long as it shall be. Returns false when there is not so much time.
local function pause(self, one)
    local delay_s = one.retry_after_s or retry_timing.delay_s(self.counted, random.below)
    local ends_at = scheduler.now() + delay_s
    if self.deadline and ends_at >= self.deadline then
        return false
    end
    return delay_s == 0 or scheduler.sleep(ends_at) == true
end

-- Whether another attempt follows this one.
local function goes_on(self, one)
    if one.problem or self.deadline and scheduler.now() >= self.deadline then
        return false
    elseif may_go_elsewhere(self, one) then
        self.elsewhere = self.elsewhere + 1
        self.destination:count("elsewhere")
        return true
    elseif may_retry(self, one) and pause(self, one) then
        note_tried(self, one.member)
        self.counted = self.counted + 1
        self.destination:count("retries")
        return true
    end
    return false
end

--- See attempt:may_be_followed.
function methods:may_be_followed(one)
    local retries = self.retries
    return retries and self.counted < retries.attempts and self.destination.budget:is_ample()
        or one.race and one.race:has_others() or false
end

--- Makes attempts until one settles it.
-- @return the attempt that does; or nil, code, detail when there was none
function methods:perform()
    local last
    repeat
        local one, code, detail = try(self)
        if not one then
            return last, code, detail
        end
        last = one
    until not goes_on(self, one)
    if self.breaker and last.is_unsent and last.verdict == "ill" then
        self.breaker:fail(scheduler.now())
    end
    return last
end

return call
