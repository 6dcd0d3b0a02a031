--- Whether what the running task serves is a repetition: requests tell the next hop how many
-- attempts there were before, and a task that serves such a one has that in its context.
local context = require "perigee.core.lazy" "perigee.core.context"

local hop = {}

local ATTEMPTS = {} -- the key of a context's value

local is_used = false -- any context has it

--- How many attempts of what the running task serves there were before; 0 when none is known.
function hop.previous_attempts()
    return is_used and context.current():value(ATTEMPTS) or 0
end

--- A context below `parent` that knows it.
function hop.with_previous_attempts(parent, count)
    is_used = true
    return context.with_value(parent, ATTEMPTS, count)
end

--- Returns fn(...), and has what that sends tell that there were `count` attempts before.
function hop.run(count, fn, ...)
    if count == hop.previous_attempts() then
        return fn(...)
    end
    return hop.with_previous_attempts(context.current(), count):run(fn, ...)
end

return hop
