--- The routes of tools/bench/http.
local http = require "perigee.http"

local words = { en = "Hello", de = "Hallo", fr = "Bonjour" }

local app = http.router()

app:get("/text", function()
    return "Hello, world!"
end)

app:get("/json", function()
    return { message = "Hello, world!" }
end)

app:get("/greet/:name", function(request)
    return { greeting = ("%s, %s, says %s"):format(words[request.query.lang or "en"],
        request.params.name, request:header("X-Client")) }
end)

app:get("/files/*name", http.files("files"))

app:post("/upload", function(request)
    local size = 0
    for bytes in request:chunks() do
        size = size + #bytes
    end
    return tostring(size)
end)

return { http = app, mount = "/" }
