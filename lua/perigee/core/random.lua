--- The one source of chance in an isolate: which ready case a select takes. Apart from math.random,
-- which is the script's; and seeded anew, so that a spec can repeat a run.
local host = require "host"

local random = {}

local bxor, lshift, rshift, band = bit.bxor, bit.lshift, bit.rshift, bit.band

local state

-- Sequences of neighbouring numbers begin alike, so what comes first is left out.
local LEFT_OUT = 16

--- Begins the sequence that belongs to `number`.
function random.seed(number)
    state = bxor(number, 0x9e3779b9)
    if state == 0 then
        state = 1
    end
    for _ = 1, LEFT_OUT do
        random.below(1)
    end
end

--- A whole number from 1 to `limit`, all equally likely.
function random.below(limit)
    state = bxor(state, lshift(state, 13))
    state = bxor(state, rshift(state, 17))
    state = bxor(state, lshift(state, 5))
    return band(state, 0x7fffffff) % limit + 1
end

random.seed(tonumber(host.random_id():sub(1, 8), 16))

return random
