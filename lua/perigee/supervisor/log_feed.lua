--- The last events of the host's log, whichever process wrote them. They are read from the memory
-- that each worker shares with its supervisor, so a worker that is stuck or dead hides nothing.
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local log_feed = {}
local methods = {}
local metatable = { __index = methods }

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local POLL_S = 0.2

--- True for the name of a level.
function log_feed.is_level(name)
    return LEVELS[name] ~= nil
end

-- The beginning of an event as text repeats what is known: time, level, service.
local function body_of(text, service, format)
    if format == "json" then
        return text
    end
    return text:sub(#"2026-01-31T12:00:00.123Z" + #" ERROR " + #service + #"  " + 1)
end

local function parse(record, worker, format)
    local time, level, service, text = record:match("^(%S+) (%S+) ([^\n]*)\n(.*)$")
    if not LEVELS[level] then
        return nil
    end
    return { time = tonumber(time), level = level, service = service, worker = worker,
        text = body_of(text:gsub("\n$", ""), service, format) }
end

--- A reader of what is kept now and what is written from then on.
-- @param sources { [0] = function(position) → records, position of this process, [slot] = the same
-- of a worker }
-- @param format "text" or "json"
-- @param filter { service = name or nil, level = the least, or nil }
function log_feed.new(sources, format, filter)
    local positions = {}
    for slot in pairs(sources) do
        positions[slot] = 0
    end
    return setmetatable({ sources = sources, positions = positions, format = format,
        service = filter.service, least = LEVELS[filter.level or "debug"] }, metatable)
end

--- What processes of `supervisor` have logged, as `new` wants it.
function log_feed.sources(supervisor)
    local sources = { [0] = host.log_records }
    for _, worker in ipairs(supervisor.workers.list) do
        sources[worker.slot] = function(position)
            return worker.pulse:log_records(position)
        end
    end
    return sources
end

local function is_wanted(self, event)
    return event and LEVELS[event.level] >= self.least
        and (not self.service or event.service == self.service)
end

local function earlier(a, b)
    if a.time ~= b.time then
        return a.time < b.time
    end
    return a.index < b.index
end

--- The events that have come since the last call, the oldest first: { time = seconds since 1970,
-- level =, service =, worker = its slot, 0 for the supervisor, text = }.
function methods:read()
    local events = {}
    for slot, read in pairs(self.sources) do
        local records, position = read(self.positions[slot])
        self.positions[slot] = position or self.positions[slot]
        for _, record in ipairs(records or {}) do
            local event = parse(record, slot, self.format)
            if is_wanted(self, event) then
                events[#events + 1] = event
                event.index = #events -- of one process they are in order
            end
        end
    end
    table.sort(events, earlier)
    for _, event in ipairs(events) do
        event.index = nil
    end
    return events
end

--- The same, and waits until there are some, `timeout_s` at most.
function methods:wait(timeout_s)
    local deadline = scheduler.now() + timeout_s
    local events = self:read()
    while not events[1] and scheduler.now() < deadline do
        scheduler.wait(scheduler.now() + POLL_S)
        events = self:read()
    end
    return events
end

return log_feed
