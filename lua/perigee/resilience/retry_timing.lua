--- When to try again, and how long an attempt may take.
local retry_timing = {}

local FIRST_S, MOST_S = 0.025, 0.25
local LEAST_ATTEMPT_S = 0.05

local PARTS = 2 ^ 30

--- How long to wait before the n-th retry: any time up to a bound that doubles, so that many who
-- failed together do not come back together.
-- @param random a function as math.random
function retry_timing.delay_s(n, random)
    local bound_s = math.min(MOST_S, FIRST_S * (2 ^ n - 1))
    return bound_s * (random(PARTS) - 1) / (PARTS - 1)
end

--- The time for the next of `attempts_left` attempts, of the `remaining_s` until the deadline.
function retry_timing.attempt_s(remaining_s, attempts_left)
    return math.min(remaining_s, math.max(LEAST_ATTEMPT_S, remaining_s / attempts_left))
end

return retry_timing
