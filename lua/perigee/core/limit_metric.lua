--- How often each limit of this isolate's service was reached, as a metric of the host. Apart from
-- perigee.metrics, which is for services and lies above the core.
local host = require "host"
local log_settings = require "perigee.core.log_settings"

local TEXT = "perigee_service_limits_reached_total\n\nservice,limit\n"
    .. "How often a limit of the service was reached."

local series = {} -- name of a limit -> number; false without room for it

local function find(name)
    local family = host.metric_family("counter", TEXT)
    local number = family and host.metric_series(family, log_settings.name .. "\0" .. name)
    series[name] = number or false
    return series[name]
end

--- The limit of this name was reached once more.
return function(name)
    local number = series[name]
    if number == nil then
        number = find(name)
    end
    if number then
        host.metric_add(number, 1)
    end
end
