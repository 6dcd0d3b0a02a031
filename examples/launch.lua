-- One service calls another by its name, wherever that runs: countdown.lua may be in this worker or
-- in another, and may be saved again meanwhile.
--
-- $ curl http://127.0.0.1:8080/launch/3
-- 3, 2, 1, liftoff
-- $ curl http://127.0.0.1:8080/launch/soon
-- args must be an int, got string
local http = require "perigee.http"
local rpc = require "perigee.rpc"

local countdown = rpc.service("Countdown")
local app = http.router()

app:get("/:first", function(request)
    local first = tonumber(request.params.first) or request.params.first
    local numbers, said = countdown:stream("From", first), {}
    for number in numbers do
        said[#said + 1] = number
    end
    local result, _, detail = numbers:result()
    if not result then
        return detail
    end
    said[#said + 1] = result
    return table.concat(said, ", ")
end)

return { http = app }
