-- A load-balanced API: whatever comes below /gateway/greet is answered by an instance of the
-- service "greet", on whichever host the registry knows one; here it is that of this host.
-- Start several hosts with --registry etcd://127.0.0.1:2379, and requests are spread over them.
--
-- $ curl -s http://127.0.0.1:8080/gateway/greet/Ann
-- {"greeting":"Hello, Ann"}
-- $ curl -s 'http://127.0.0.1:8080/gateway/greet/Ann?lang=de'
-- {"greeting":"Hallo, Ann"}
local gateway = require "perigee.gateway"
local http = require "perigee.http"

local app = http.router()

app:all("/greet/*rest", gateway.proxy { service = "greet" })

return { http = app }
