local gateway = require "perigee.gateway"
local http = require "perigee.http"

local app = http.router()

app:all("/*rest", gateway.proxy { service = "origin" })

return { http = app, mount = "/" }
