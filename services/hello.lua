-- curl http://127.0.0.1:8080/hello/Ann
local http = require "perigee.http"

local app = http.router()

app:get("/hello/:name", function(request)
    return { message = "Hello, " .. request.params.name }
end)

return { http = app, mount = "/" }
