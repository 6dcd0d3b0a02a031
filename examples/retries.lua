-- A service that fails twice of three times, behind a gateway that tries again: its callers never
-- see that. Whoever is in a hurry says so, and nobody works for them any longer.
--
-- $ curl -s http://127.0.0.1:8080/retries/steady/answer
-- answered at the third attempt
-- $ curl -s -H 'Perigee-Timeout: 0m' http://127.0.0.1:8080/retries/answer
-- The deadline of the request has passed.
local gateway = require "perigee.gateway"
local http = require "perigee.http"

local app = http.router()
local asked = 0

app:get("/answer", function()
    asked = asked + 1
    if asked % 3 > 0 then
        return 503, "not now"
    end
    return "answered at the third attempt\n"
end)

-- The same service, as a client on another host would call it.
app:all("/steady/*rest", gateway.proxy {
    service = "retries",
    retries = { attempts = 3 },
    timeout_s = 2,
})

return { http = app }
