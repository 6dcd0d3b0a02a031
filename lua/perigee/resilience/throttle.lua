--- Adaptive throttling, from Google's "Site Reliability Engineering": a client that mostly gets
-- failures refuses a part of its own calls, so that an ill backend gets about as many as it can
-- answer, and recovers as soon as that answers again. There are no states and nothing to reset.
--
-- One for each target and method. What counts is what says that the backend is ill, never what its
-- caller did wrong or gave up.
local rolling_sum = require "perigee.resilience.rolling_sum"

local throttle = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local WINDOW_S, BUCKETS = 10, 40

-- So many calls for each that is accepted are let through.
local FACTOR = 1.5

-- Fewer say nothing.
local LEAST_REQUESTS = 20

-- When nothing has passed for so long, one call does, or nobody would learn of a recovery.
local PROBE_S = 1

local PARTS = 2 ^ 30

--- Makes one. `options`: random, a function as math.random; factor (1.5), window_s (10).
function throttle.new(options)
    if type(options.random) ~= "function" then
        error("throttle.new: random must be a function as math.random, got "
            .. type(options.random), 2)
    end
    local window_s = options.window_s or WINDOW_S
    return setmetatable({
        random = options.random,
        factor = options.factor or FACTOR,
        requests = rolling_sum.new(window_s, BUCKETS),
        accepts = rolling_sum.new(window_s, BUCKETS),
        passed_at = -math.huge,
        refusals = 0,
    }, metatable)
end

--- The probability with which a call is refused at `now`, 0 to 1.
function methods:probability(now)
    local requests = self.requests:total(now)
    if requests < LEAST_REQUESTS then
        return 0
    end
    return math.max(0, (requests - self.factor * self.accepts:total(now)) / (requests + 1))
end

--- Whether a call may begin. Returns that, and the probability that it may not, nil for none.
-- Counts those that may not in the field `refusals`. They count as calls, too: they show how much
-- is wanted. One that is admitted counts once it has ended: a burst whose answers are still to come
-- is no failure.
function methods:admit(now)
    local probability = self:probability(now)
    if probability > 0 and now - self.passed_at < PROBE_S
        and self.random(PARTS) <= probability * PARTS then
        self.refusals = self.refusals + 1
        self.requests:add(now, 1)
        return false, probability
    end
    self.passed_at = now
    return true, probability > 0 and probability or nil
end

--- The backend has answered a call, and is not ill by that answer.
function methods:accept(now)
    self.requests:add(now, 1)
    self.accepts:add(now, 1)
end

--- A call has ended and shows that the backend is ill. One that says nothing of it, as its caller
-- has cancelled it, is not told of.
function methods:fail(now)
    self.requests:add(now, 1)
end

return throttle
