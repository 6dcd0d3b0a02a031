--- Runs one computation for each request, `/compute/NAME`, and answers how many seconds of
-- processor time it took. Every computation is a module beside this file that returns a function;
-- it checks its own result.
local http = require "perigee.http"

local app = http.router()

app:get("/:name", function(request)
    local run = require(request.params.name)
    local before = os.clock()
    run()
    return ("%.6f"):format(os.clock() - before)
end)

return { http = app }
