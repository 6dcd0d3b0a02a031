-- Answers with what it was asked: curl -d 'some text' 'http://127.0.0.1:8080/echo/a/b?c=1'
local http = require "perigee.http"

local app = http.router()

app:all("/*rest", function(request)
    local body, code = request:body()
    if not body then
        return http.body_error(code)
    end
    local headers = {}
    for name, value in request.headers:each() do
        headers[name] = value
    end
    return { method = request.method, target = request.target, headers = headers, body = body }
end)

return { http = app }
