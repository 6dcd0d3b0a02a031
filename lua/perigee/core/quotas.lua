--- What the service of this isolate may have at once, by the names of perigee.service.limits; false
-- where nothing is said, which costs whoever asks one look at a table.
local quotas = {
    tasks = false,
    timers = false,
    messages = false,
    connections = false,
    websockets = false,
    log_lines = false,
}

-- Loaded when the first limit is reached.
local function count_limit(name)
    require("perigee.core.limit_metric")(name)
end

local SENTENCES = {
    tasks = "the service has %d tasks, all that limits.tasks grants it",
    timers = "the service has %d timers, all that limits.timers grants it",
    messages = "a channel of the service may have room for %d messages, says limits.messages",
    connections = "the service has %d connections to others, all that limits.connections grants it",
    websockets = "the service has %d WebSockets, all that limits.websockets grants it",
}

--- How often each limit was reached, by its name.
quotas.refusals = {}

--- Called when a limit is reached for the first time: on_first(name, message).
quotas.on_first = false

--- Sets the quotas among these limits.
function quotas.hold(limits)
    for name in pairs(SENTENCES) do
        quotas[name] = limits[name] or false
    end
    quotas.log_lines = limits.log_lines or false
end

--- Counts that the limit of this name was reached, which is told of in the log the first time only,
-- and without a message not at all.
function quotas.count(name, message)
    local before = quotas.refusals[name]
    quotas.refusals[name] = (before or 0) + 1
    count_limit(name)
    if not before and message and quotas.on_first then
        quotas.on_first(name, message)
    end
end

--- What the quota of this name says to whoever finds no room.
function quotas.sentence(name)
    return SENTENCES[name]:format(quotas[name])
end

--- Counts that the quota of this name had no room. Returns a sentence for the script.
function quotas.refuse(name)
    local message = quotas.sentence(name)
    quotas.count(name, message)
    return message
end

return quotas
