--- Middleware: functions that take a handler and return one around it.
local where = require "perigee.core.lazy" "perigee.core.where"

local middleware = {}

--- Adds functions to `list`, the first outermost.
-- @param what the function that was given them, for messages
function middleware.add(list, what, ...)
    for i = 1, select("#", ...) do
        local wrap = select(i, ...)
        if type(wrap) ~= "function" then
            error(what .. " takes functions that return a handler around the next one", 3)
        end
        list[#list + 1] = wrap
    end
end

--- The handler inside all functions of `list`.
-- @param level of the line to blame when one of them returns no function, 0 for none
function middleware.compose(list, handler, level)
    for i = #list, 1, -1 do
        handler = list[i](handler)
        if type(handler) ~= "function" then
            error(("%s: this middleware must return a function, not %s"):format(
                where.of(list[i]), type(handler)), level > 0 and level + 1 or 0)
        end
    end
    return handler
end

return middleware
