--- The log of a worker and its services: where it goes, and from which level.
local log = require "perigee.log"
local log_file = require "perigee.core.log_file"
local log_settings = require "perigee.core.log_settings"
local parallel = require "perigee.core.parallel"

local log_control = {}

local TELL_TIMEOUT_S = 1

local function name_of(slot)
    return "worker " .. slot
end

--- Takes the settings of the log (perigee.core.log_settings).
function log_control.configure(options, slot)
    local is_open, message = log_file.open(options, name_of(slot))
    if not is_open then
        log.error(message .. "; this worker logs to standard error")
    end
end

--- Other levels than before, which every generation is told.
function log_control.change(options, slot, generations)
    log_settings.configure(options, name_of(slot))
    parallel(generations, function(one)
        return one:call("log_levels", options, TELL_TIMEOUT_S)
    end)
end

return log_control
