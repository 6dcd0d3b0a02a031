--- Runs functions at once, each in a task of its own, and waits for all. An error in one of them is
-- raised here.
local eventually = require "spec.support.eventually"
local perigee = require "perigee"

return function(functions)
    local left, failure = #functions, nil
    for _, fn in ipairs(functions) do
        perigee.go(function()
            local is_ok, reason = pcall(fn)
            left = left - 1
            if not is_ok then
                failure = failure or reason
            end
        end)
    end
    eventually(function()
        return left == 0 or failure
    end, "all tasks are done")
    if failure then
        error(failure, 0)
    end
end
