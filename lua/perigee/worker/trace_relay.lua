--- Records of requests (perigee.supervisor.trace_store) on their way from the services of this
-- worker to its supervisor: in batches, one at a time, so that a supervisor that is slow or gone
-- has them wait here, up to a limit, and then be dropped and counted.
local scheduler = require "perigee.core.scheduler"

local trace_relay = {}

local QUEUE_LIMIT, BATCH_LIMIT = 1024, 128
local TIMEOUT_S = 5

local supervisor
local queue, dropped_count = {}, 0
local is_sending = false

--- @param peer to the supervisor
function trace_relay.configure(peer)
    supervisor = peer
end

local function take_batch()
    local batch, rest = {}, {}
    for i, record in ipairs(queue) do
        local list = i <= BATCH_LIMIT and batch or rest
        list[#list + 1] = record
    end
    queue = rest
    return batch
end

local function send()
    while queue[1] do
        local batch = take_batch()
        local is_taken = supervisor:call("traces", batch, TIMEOUT_S)
        if not is_taken then
            dropped_count = dropped_count + #batch
        end
    end
    is_sending = false
end

--- Takes a record of a service; `record.dropped` is how many the service had no room for.
function trace_relay.take(service, record)
    record.service = service
    dropped_count = dropped_count + (record.dropped or 0)
    if #queue >= QUEUE_LIMIT then
        dropped_count = dropped_count + 1
        return
    end
    queue[#queue + 1] = record
    if not is_sending then
        is_sending = true
        scheduler.spawn(send).name = "traces"
    end
end

--- How many records were dropped: by services that had more than they may send, here, and with a
-- supervisor that did not answer.
function trace_relay.dropped_count()
    return dropped_count
end

return trace_relay
