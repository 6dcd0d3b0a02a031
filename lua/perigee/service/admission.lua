--- Which requests and calls of a service begin, which wait and which are refused, when its limits
-- say something about that: so many a second (a token bucket), so many at once, and so many that
-- wait for their turn.
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"

local admission = {}
local methods = {}
local metatable = { __index = methods }

--- Makes it for `limits` (perigee.service.limits.effective) that say something about it: rate,
-- concurrency or tasks.
function admission.new(limits)
    local burst = math.max(1, limits.burst or limits.rate or 1)
    return setmetatable({
        rate = limits.rate,
        burst = burst,
        tokens = burst,
        filled_at = scheduler.now(),
        concurrency = limits.concurrency or math.huge,
        running = 0,
        room = limits.queue or 0,
        first = 1, last = 0, -- of those that wait, in `waiting`
        waiting = {},
    }, metatable)
end

-- Takes a token. Returns true, or nil and the seconds until there is one.
local function take_token(self)
    if not self.rate then
        return true
    end
    local now = scheduler.now()
    self.tokens = math.min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
    self.filled_at = now
    if self.tokens < 1 then
        return nil, (1 - self.tokens) / self.rate
    end
    self.tokens = self.tokens - 1
    return true
end

local function enqueue(self, begin, subject)
    self.last = self.last + 1
    self.waiting[self.last] = { begin = begin, subject = subject }
end

local function refuse(refusal, status, name, message, retry_after_s)
    quotas.count(name, message)
    refusal(status, message, retry_after_s)
    return false
end

--- Whether begin(subject) may be called now. If not, it is called later, in turn, or refuse(status,
-- message, seconds after which to try again) has been: with 429 for the rate and 503 for the rest.
-- @return true when the caller is to begin; nil when it waits; false when it was refused
function methods:admit(begin, subject, refusal)
    local is_taken, wait_s = take_token(self)
    if not is_taken then
        return refuse(refusal, 429, "rate", ("the service takes %g requests a second"):format(
            self.rate), math.max(1, math.ceil(wait_s)))
    elseif quotas.tasks and scheduler.live_count() >= quotas.tasks then
        return refuse(refusal, 503, "tasks", quotas.sentence("tasks"), 1)
    elseif self.running < self.concurrency then
        self.running = self.running + 1
        return true
    elseif self.last - self.first + 1 < self.room then
        enqueue(self, begin, subject)
        return nil
    end
    return refuse(refusal, 503, "concurrency", ("the service works on %d requests at once, and %d "
        .. "wait"):format(self.concurrency, self.room), 1)
end

--- One that began is over: the next begins.
function methods:release()
    local next_one = self.waiting[self.first]
    if not next_one then
        self.running = self.running - 1
        return
    end
    self.waiting[self.first] = nil
    self.first = self.first + 1
    next_one.begin(next_one.subject)
end

--- How many wait for their turn.
function methods:queued()
    return self.last - self.first + 1
end

return admission
