--- The addresses of a name, for tasks: what the system says of it, by files and DNS, both families.
local event = require "perigee.core.event"
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local MAX_NAME_SIZE = 253

--- Looks up a name.
-- @param deadline in seconds of scheduler.now, or nil
-- @return a list of numeric addresses in the order in which to try them; or nil, code: "not_found",
-- "timeout", "canceled", "invalid" for what cannot be a name
return function(name, deadline)
    if #name > MAX_NAME_SIZE or not name:find("^[%w_.%-]+$") then
        return nil, "invalid"
    end
    local id, code = host.lookup_name(name)
    if not id then
        return nil, code
    end
    local is_ok, status, text = scheduler.wait_event(event.NAME, id, deadline)
    if not is_ok then
        host.cancel_lookup(id)
        return nil, status
    elseif status ~= 0 then
        return nil, text
    end
    local list = {}
    for address in text:gmatch("[^\n]+") do
        list[#list + 1] = address
    end
    return list
end
