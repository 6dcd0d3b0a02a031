--- The fields that tell the next hop how long its caller waits, whether it tries again, and of
-- which trace it is a part (host/base/hop.h reads them).
local hop = require "perigee.core.hop"
local scheduler = require "perigee.core.scheduler"
local timeout_text = require "perigee.resilience.timeout_text"

local hop_fields = {}

local TIMEOUT, ATTEMPTS = "Perigee-Timeout", "Perigee-Previous-Attempts"

--- Adds to fields { name, value, ... } those that a request has.
-- @param wait_s how long its caller waits, or nil
-- @param previous how many attempts there were before
function hop_fields.add(fields, wait_s, previous)
    if wait_s then
        fields[#fields + 1], fields[#fields + 2] = TIMEOUT, timeout_text.format(wait_s)
    end
    if previous > 0 then
        fields[#fields + 1], fields[#fields + 2] = ATTEMPTS, tostring(previous)
    end
end

--- Sets them in the headers of an attempt, in place of what is there.
function hop_fields.set(headers, deadline, previous)
    headers:remove(TIMEOUT)
    headers:remove(ATTEMPTS)
    hop_fields.add(headers, deadline and deadline - scheduler.now(), previous)
end

--- Sets them in the headers of a request to anybody: only a task that has a deadline, or serves
-- what is tried again, tells of it.
-- @param deadline of the request
function hop_fields.pass_on(headers, deadline)
    local ends_at, previous = scheduler.current().context.ends_at, hop.previous_attempts()
    if (ends_at or previous > 0) and not headers:get(TIMEOUT) then
        hop_fields.add(headers, math.min(deadline, ends_at or math.huge) - scheduler.now(),
            previous)
    end
end

--- Adds those that make it a part of a trace, in place of what came with what is sent on.
-- @param traceparent, tracestate as of perigee.core.spans
function hop_fields.add_trace(fields, traceparent, tracestate)
    for i = #fields - 1, 1, -2 do
        local name = fields[i]:lower()
        if name == "traceparent" or name == "tracestate" then
            table.remove(fields, i)
            table.remove(fields, i)
        end
    end
    fields[#fields + 1], fields[#fields + 2] = "traceparent", traceparent
    if tracestate then
        fields[#fields + 1], fields[#fields + 2] = "tracestate", tracestate
    end
end

return hop_fields
