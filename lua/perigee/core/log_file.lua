--- Where a process of the host logs.
local host = require "host"
local settings = require "perigee.core.log_settings"

local log_file = {}

--- Has this process log as `options` say (perigee.core.log_settings), also to their `file`, if any.
-- Returns true, or nil and a message; then it goes on as before, with the level and format asked
-- for.
function log_file.open(options, name)
    settings.configure(options, name)
    local is_open, code = host.log_to(options.file, options.format, name)
    if not is_open then
        return nil, ("the log file %s cannot be opened: %s"):format(options.file, code)
    end
    return true
end

return log_file
