--- What requests tell the next hop besides what they ask: how long their caller waits, and whether
-- they are tried again. A task that serves such a request has it in its context.
local context = require "perigee.core.context"

local hop = {}

local ATTEMPTS = {} -- the key of a context's value

--- How many attempts of what the running task serves there were before; 0 when none is known.
function hop.previous_attempts()
    return context.current():value(ATTEMPTS) or 0
end

--- A context below `parent` that knows it.
function hop.with_previous_attempts(parent, count)
    return context.with_value(parent, ATTEMPTS, count)
end

return hop
