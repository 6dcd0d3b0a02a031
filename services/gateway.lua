-- A load-balanced API: what is asked for here is answered by an instance of the service, on
-- whichever host the registry knows one; a host that is alone asks itself.
-- curl http://127.0.0.1:8080/gateway/hello/Ann
local gateway = require "perigee.gateway"
local http = require "perigee.http"

local app = http.router()

app:get("/hello/:name", gateway.proxy { service = "hello" })
app:all("/echo/*rest", gateway.proxy { service = "echo" })

return { http = app }
