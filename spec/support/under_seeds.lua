--- Rows of Go's semantics, which hold in whatever order tasks run: a case whose name begins with
-- the id of a row ("C1: ...") is run in the scheduler's own order, and under 200 seeds. Both on a
-- virtual clock, so that nothing depends on what else the machine does; rows about timers ("T1")
-- run with the real one first.
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
        local id = name:match("^(%u%d+): ")
        it(name, id and not id:find("^T") and function()
            testing.virtual_clock()
            fn()
        end or fn)
        if id and not is_excepted[id] then
            it(("%s (under %d seeds)"):format(name, SEED_COUNT), function()
                testing.explore(SEED_COUNT, fn)
            end)
        end
    end
end
