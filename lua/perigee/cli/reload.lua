--- `perigee reload [SERVICE]`: loads services anew, as if they had been saved, and says how it
-- went.
local admin_client = require "perigee.cli.admin_client"
local host = require "host"

local reload = { summary = "reload [NAME]   load one service, or all, anew" }

-- Returns how many failed.
local function report(results)
    local failures = 0
    for _, result in ipairs(results) do
        if result.error then
            failures = failures + 1
            io.stdout:write(("FAILED  %s%s\n        %s\n"):format(result.service,
                result.generation and (", generation %d stays"):format(result.generation) or "",
                (result.error:gsub("\n", "\n        "))))
        else
            io.stdout:write(("ok      %s, generation %d\n"):format(result.service,
                result.generation))
        end
    end
    return failures
end

function reload.run(arguments, fail)
    local address, positional = admin_client.parse(arguments)
    if not address then
        return fail(2, positional)
    elseif #positional > 1 then
        return fail(2, "usage: perigee reload [SERVICE] [--admin ADDRESS]")
    end
    local target = positional[1] and "/reload/" .. positional[1] or "/reload"
    local answer, status = admin_client.ask(address, "POST", target)
    if not answer then
        return fail(1, status)
    elseif status == 404 then
        return fail(1, answer.error)
    end
    local failures = report(answer.services or { answer })
    io.stdout:flush()
    host.exit(failures == 0 and 0 or 1)
end

return reload
