--- `perigee.log`: events with a level, a message and fields, see docs/logging.md.
--
--    log.info("order stored", { id = 7 })
--    2026-01-31T12:00:00.123Z INFO  orders  order stored  id=7
--
--    local log = log.with { customer = 12 }    -- the same, with these fields in every event
local log_writer = require "perigee.core.log_writer"
local settings = require "perigee.core.log_settings"

local LEVELS = { "debug", "info", "warn", "error" }

local function check_fields(name, fields)
    if fields ~= nil and type(fields) ~= "table" then
        error(("log.%s takes a table of fields, got %s"):format(name, type(fields)), 3)
    end
end

-- Those of an event count more than those of its logger.
local function merge(outer, fields)
    if not fields or not next(outer) then
        return fields or outer
    end
    local all = {}
    for name, value in pairs(outer) do
        all[name] = value
    end
    for name, value in pairs(fields) do
        all[name] = value
    end
    return all
end

-- A logger, with `outer` in each of its events.
local function make(outer)
    local logger = {}
    for _, level in ipairs(LEVELS) do
        --- log.debug, log.info, log.warn, log.error (message, fields or nil).
        logger[level] = function(message, fields)
            check_fields(level, fields)
            if log_writer.is_heard(level) then
                log_writer.write(level, settings.name, tostring(message), merge(outer, fields))
            end
        end
    end
    --- A logger whose events have these fields too.
    function logger.with(fields)
        check_fields("with", fields)
        return make(merge(outer, fields))
    end
    --- Whether events of this level are written; for what is costly to find out.
    logger.is_heard = log_writer.is_heard
    return logger
end

local log = make({})

--- For Perigee's own use: an event of another service than this process's own.
function log.event(name, level, message, fields)
    log_writer.write(level, name, tostring(message), fields)
end

return log
