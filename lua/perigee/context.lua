--- Contexts for scripts: perigee.core.context without what the scheduler needs of it.
--
--    local limited, cancel = context.with_timeout(context.current(), 2)
--    local answer, code = limited:run(ask, question)    -- nil, "timeout" from whatever waits in it
--    cancel()
local context = require "perigee.core.context"

return {
    background = context.background,
    current = context.current,
    with_cancel = context.with_cancel,
    with_deadline = context.with_deadline,
    with_timeout = context.with_timeout,
    with_value = context.with_value,
    without_cancel = context.without_cancel,
}
