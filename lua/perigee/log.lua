--- `perigee.log`: one line an event, to standard error. log.info("order stored", { id = 7 }).
-- In text: 2026-01-31T12:00:00.123Z INFO  orders  order stored  id=7
local log_writer = require "perigee.core.log_writer"
local settings = require "perigee.core.log_settings"

local log = {}

for _, level in ipairs({ "debug", "info", "warn", "error" }) do
    --- log.debug, log.info, log.warn, log.error (message, fields).
    log[level] = function(message, fields)
        log_writer.write(level, settings.name, tostring(message), fields)
    end
end

--- For Perigee's own use: an event of another service than this process's own.
function log.event(name, level, message, fields)
    log_writer.write(level, name, tostring(message), fields)
end

return log
