--- How long to wait before trying again: a delay that doubles from one failure to the next, up to a
-- bound, and of which a random part is taken ("full jitter"), so that many who failed together do
-- not come back together.
local random = require "perigee.core.random"

local PARTS = 2 ^ 30

local methods = {}
local metatable = { __index = methods }

local backoff = {}

--- A random number from 0 up to `bound`.
function backoff.jitter(bound)
    return bound * random.below(PARTS) / PARTS
end

--- Makes one. The first delay is at most `first_s` seconds, and none more than `most_s`.
function backoff.new(first_s, most_s)
    return setmetatable({ first_s = first_s, most_s = most_s, bound_s = first_s }, metatable)
end

--- The delay after one more failure, in seconds.
function methods:next()
    local bound_s = self.bound_s
    self.bound_s = math.min(bound_s * 2, self.most_s)
    return backoff.jitter(bound_s)
end

--- It went well: the next failure is the first again.
function methods:reset()
    self.bound_s = self.first_s
end

return backoff
