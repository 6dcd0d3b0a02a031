-- What a client sees when something goes wrong: an error on purpose is an answer, any other is
-- a 500 whose id is in the log.
--
-- $ curl -s http://127.0.0.1:8080/errors/teapot
-- {"error":"I am a teapot"}
-- $ curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/errors/bug
-- 500
local http = require "perigee.http"

local app = http.router()

app:get("/teapot", function()
    error(http.error(418, "I am a teapot"))
end)

app:get("/bug", function()
    local order = {}
    return { town = order.address.town }
end)

return { http = app }
