--- Keeps a message that comes again and again from filling the log: of events with the same level
-- and message only so many are written in a second, and then the log says how many more there were.
local host = require "host"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.core.log_settings"

local log_repeats = {}

local WINDOW_S = 1

-- Messages that are told apart within a second. Others are written as they come.
local MAX_MESSAGES = 256

local window_ends_at = 0
local is_timer_set = false
local counts, message_count = {}, 0 -- level and message -> { count =, level =, name =, message = }

local function tell(emit)
    local before = counts
    counts, message_count = {}, 0
    for _, seen in pairs(before) do
        local held_count = seen.count - settings.repeat_limit
        if held_count > 0 then
            emit(seen.level, seen.name, seen.message, { repeated = held_count })
        end
    end
end

local function start_window(now, emit)
    window_ends_at = now + WINDOW_S
    tell(emit)
end

-- What was held back is said also when nothing else is logged.
local function set_timer(emit)
    local function on_end()
        is_timer_set = false
        if next(counts) then
            start_window(host.now(), emit)
        end
    end
    is_timer_set = true
    if settings.after then
        settings.after(WINDOW_S, on_end)
    else
        scheduler.at(host.now() + WINDOW_S, on_end)
    end
end

local function find(level, name, message)
    local key = level .. message
    local seen = counts[key]
    if not seen and message_count < MAX_MESSAGES then
        seen = { count = 0, level = level, name = name, message = message }
        counts[key], message_count = seen, message_count + 1
    end
    return seen
end

--- Whether an event shall be written.
-- @param emit function(level, name, message, fields) that writes one
function log_repeats.admit(level, name, message, emit)
    if settings.repeat_limit == 0 then
        return true
    end
    local now = host.now()
    if now >= window_ends_at then
        start_window(now, emit)
    end
    local seen = find(level, name, message)
    if not seen then
        return true
    end
    seen.count = seen.count + 1
    if seen.count > settings.repeat_limit and not is_timer_set then
        set_timer(emit)
    end
    return seen.count <= settings.repeat_limit
end

return log_repeats
