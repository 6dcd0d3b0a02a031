--- Where a script gives a key to a table, for messages about what it returned: a value does not
-- know its line, but the text does.
local KEY = "^[%a_][%w_]*$"

local function assigns(line, key)
    return line:find("%f[%w_]" .. key .. "%s*=%f[^=]") or line:find("['\"]" .. key
        .. "['\"]%s*%]%s*=%f[^=]") or line:find("^%s*function [%w_.:]*[.:]" .. key .. "%s*%(")
end

--- The last line that does, for a service's table stands at the end.
-- @return its number; nil when there is none, as for a key that was computed
return function(source, key)
    if type(key) ~= "string" or not key:find(KEY) then
        return nil
    end
    local number, found = 0, nil
    for line in (source .. "\n"):gmatch("(.-)\r?\n") do
        number = number + 1
        if assigns(line:gsub("%-%-.*", ""), key) then
            found = number
        end
    end
    return found
end
