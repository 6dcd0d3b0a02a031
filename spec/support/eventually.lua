--- Waiting for what another process will do: a condition with a deadline, never a fixed time.
local perigee = require "perigee"

-- Generous, because a sanitized build on a busy machine is slow; what is true is noticed at once.
local DEADLINE_S = 30
local STEP_S = 0.003

--- Waits until condition() returns something, and returns that. An error that names `what` at the
-- deadline.
return function(condition, what)
    local deadline = perigee.now() + DEADLINE_S
    local value = condition()
    while not value do
        if perigee.now() > deadline then
            error(("waited %d s in vain until %s"):format(DEADLINE_S, what), 2)
        end
        perigee.sleep(STEP_S)
        value = condition()
    end
    return value
end
