--- The breakers of one destination, one for each of its methods: perigee.resilience.throttle, which
-- refuses a part of the calls while most fail.
local throttle = require "perigee.resilience.throttle"

local breakers = {}

local methods = {}
local metatable = { __index = methods }

-- Methods may be what a stranger sends; further ones have one breaker in common.
local MOST_METHODS = 100
local OTHERS = "other methods"

--- @param options { random =, factor =, window_s = }
function breakers.new(options)
    return setmetatable({ options = options, by_method = {}, count = 0 }, metatable)
end

--- The breaker of a method.
function methods:of(method)
    local found = self.by_method[method]
    if not found then
        if self.count >= MOST_METHODS then
            method = OTHERS
        end
        found = self.by_method[method] or throttle.new(self.options)
        self.count = self.count + (self.by_method[method] and 0 or 1)
        self.by_method[method] = found
    end
    return found
end

--- Method -> { refusal = the probability with which a call is refused now, refusals = so far }.
function methods:describe(now)
    local described = {}
    for method, one in pairs(self.by_method) do
        described[method] = { refusal = one:probability(now), refusals = one.refusals }
    end
    return described
end

return breakers
