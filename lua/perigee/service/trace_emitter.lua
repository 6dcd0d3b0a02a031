--- Gives what a service has recorded of its requests to its worker.
local copy = require "perigee.core.copy"
local host = require "host"

local WORKER = 0

-- Beyond, a record goes without attributes and events.
local MAX_SIZE = 32 * 1024

local function strip(record)
    for _, span in ipairs(record.spans) do
        span.attributes, span.events = nil, nil
    end
end

--- @param record see perigee.supervisor.trace_store
return function(record)
    local bytes = copy.encode({ op = "trace", body = record })
    if bytes and #bytes > MAX_SIZE then
        strip(record)
        bytes = copy.encode({ op = "trace", body = record })
    end
    if bytes and #bytes <= MAX_SIZE then
        host.post(WORKER, bytes)
    end
end
