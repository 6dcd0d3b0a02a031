--- Rows of Go's semantics, which hold in whatever order tasks run: a case whose name begins with
-- the id of a row ("C1: ...") is run as it is, and under 200 seeds on a virtual clock.
--
--    local it = require "spec.support.under_seeds"(it, { "S2" })
local testing = require "perigee.testing"

local SEED_COUNT = 200

--- `it` is busted's; `except` lists the rows that are run as they are only, because they measure
-- chance or time.
return function(it, except)
    local is_excepted = {}
    for _, id in ipairs(except or {}) do
        is_excepted[id] = true
    end
    return function(name, fn)
        it(name, fn)
        local id = name:match("^(%u%d+): ")
        if id and not is_excepted[id] then
            it(("%s (under %d seeds)"):format(name, SEED_COUNT), function()
                testing.explore(SEED_COUNT, fn)
            end)
        end
    end
end
