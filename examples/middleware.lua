-- Middleware is a function around a function: here one that asks for a token, and one that names
-- the request.
--
-- $ curl -s http://127.0.0.1:8080/middleware/secret
-- {"error":"a token is needed"}
-- $ curl -s -H 'Authorization: Bearer open-sesame' http://127.0.0.1:8080/middleware/secret
-- {"secret":42}
local http = require "perigee.http"

local app = http.router()

local function with_token(next_handler)
    return function(request, response)
        if request:header("authorization") ~= "Bearer open-sesame" then
            return http.error(401, "a token is needed", { ["WWW-Authenticate"] = "Bearer" })
        end
        return next_handler(request, response)
    end
end

app:use(function(next_handler)
    return function(request, response)
        response:header("X-Request-Id", request.id)
        return next_handler(request, response)
    end
end)

app:get("/secret", with_token, function()
    return { secret = 42 }
end)

return { http = app }
