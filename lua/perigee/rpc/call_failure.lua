--- How a call of a service of this host failed, as its caller sees it: nil, a code, a text for
-- people, and where the method gave them to rpc.error its code and data. The codes are those of
-- perigee.rpc.client.
local failure = require "perigee.rpc.client.failure"
local json = require "perigee.core.lazy" "perigee.json"

local call_failure = {}

local WAITS = {
    canceled = "the %s was canceled",
    timeout = "no answer to the %s in time",
}

-- The code of errors that have none of their own (host/rpc/rpc_call.h).
local SERVICE_ERROR = -32000

--- A wait for the answer ended, with "canceled" or "timeout".
function call_failure.of_wait(reason, target)
    return nil, reason, WAITS[reason]:format(target.waits_on)
end

--- The answer is a failure.
-- @param data a JSON text or nil
function call_failure.of_answer(code, message, data)
    local found = failure.of_value({ code = code, message = message,
        data = data and json.decode(data) })
    local is_own = found.code == "failed" and (code > SERVICE_ERROR or data)
    return nil, found.code, found.detail, is_own and found.data or nil
end

--- Nobody offers the service of `target`.
function call_failure.unknown(target)
    return nil, "not_found", "rpc: can't find service " .. target.name
end

return call_failure
