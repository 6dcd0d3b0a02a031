--- Which requests of an overloaded service are refused, so that those it does answer are answered
-- in time: controlled delay, after CoDel (RFC 8289). A burst may make requests wait for long; only
-- when nobody has waited for less than the target all through an interval are there more than can
-- be served. Then whoever has waited for longer than the target is refused, which costs next to
-- nothing and lets those behind be in time.
local shedding = {}
local methods = {}
local metatable = { __index = methods }

local INTERVAL_S = 0.1

--- @param target_s how long requests may wait in an overloaded service before they begin
function shedding.new(target_s)
    return setmetatable({
        target_s = target_s,
        ends_at = 0,           -- of the interval
        least_s = math.huge,   -- the shortest wait in it
        is_overloaded = false, -- all through the interval before
    }, metatable)
end

--- Whether a request that has waited for so long is refused.
-- @param delay_s since it has come
-- @param now in seconds
function methods:is_late(delay_s, now)
    if now >= self.ends_at then
        -- An interval without any request is none of an overload.
        self.is_overloaded = self.least_s > self.target_s and now < self.ends_at + INTERVAL_S
        self.least_s, self.ends_at = math.huge, now + INTERVAL_S
    end
    self.least_s = math.min(self.least_s, delay_s)
    return self.is_overloaded and delay_s > self.target_s
end

return shedding
