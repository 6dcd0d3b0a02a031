--- Whether a failed call may be tried again, as gRPC's retryThrottling: failures take tokens,
-- successes give some back, and with half of them left there are no retries. So when a target is
-- ill, retries add a bounded load to it, whatever each call would be allowed by itself. One budget
-- for a target.
local retry_budget = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local MOST, GAIN = 10, 0.1

--- Makes a full one. `options`: most, the tokens it holds (10); gain, what a success gives (0.1).
function retry_budget.new(options)
    options = options or {}
    local most, gain = options.most or MOST, options.gain or GAIN
    if not (most > 0 and gain > 0) then
        error("retry_budget.new: most and gain must be above 0", 2)
    end
    return setmetatable({ most = most, gain = gain, tokens = most, refusals = 0 }, metatable)
end

--- An attempt went well, or failed for a reason that is not the target's.
function methods:succeed()
    self.tokens = math.min(self.most, self.tokens + self.gain)
end

--- An attempt failed, or is one more than its call needs.
function methods:fail()
    self.tokens = math.max(0, self.tokens - 1)
end

--- Whether there may be a retry now.
function methods:is_ample()
    return self.tokens > self.most / 2
end

--- The same for who wants to make it. Counts those refused in the field `refusals`.
function methods:allows()
    if self:is_ample() then
        return true
    end
    self.refusals = self.refusals + 1
    return false
end

return retry_budget
