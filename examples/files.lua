-- The files of the folder public/ beside this script, and a long answer that is compressed.
--
-- $ curl -s http://127.0.0.1:8080/files/hello.txt
-- Hello from a file.
-- $ curl -s -r 0-4 http://127.0.0.1:8080/files/hello.txt
-- Hello
-- $ curl -s -o /dev/null -w '%{http_code}' --path-as-is http://127.0.0.1:8080/files/../files.lua
-- 404
-- $ curl -s -H 'Accept-Encoding: gzip' http://127.0.0.1:8080/files/api/numbers | gunzip | head -c 9
-- [1,2,3,4,
local http = require "perigee.http"

local app = http.router()

app:group("/api", function(api)
    api:use(http.compress())
    api:get("/numbers", function()
        local numbers = {}
        for i = 1, 1000 do
            numbers[i] = i
        end
        return numbers
    end)
end)

app:get("/*path", http.files("public", { cache_control = "max-age=60", nosniff = true }))

return { http = app }
