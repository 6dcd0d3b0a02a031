--- How this isolate logs. Apart from perigee.log, so that a service which logs nothing need not
-- load that.
local settings = {
    level = "info",    -- the least that is written
    format = "text",   -- or "json"
    name = "perigee",  -- whose events these are
    repeat_limit = 20, -- events with the same message in one second; 0 for any number
    after = false,     -- calls fn() so many seconds later; false for scheduler.at
}

--- Takes what the host's operator wants: { level =, format =, repeat_limit =, levels = level by
-- service }.
-- @param name whose events are written from now on
-- @param own_level what the service itself asks for, or nil: the operator's word on it counts more
function settings.configure(options, name, own_level)
    settings.level = options.levels and options.levels[name] or own_level or options.level
    settings.format, settings.name = options.format, name
    settings.repeat_limit = options.repeat_limit or settings.repeat_limit
end

return settings
