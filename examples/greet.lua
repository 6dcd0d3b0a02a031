-- A path parameter, the query and a header in, JSON out.
--
-- $ curl -s 'http://127.0.0.1:8080/greet/Ann?lang=de'
-- {"greeting":"Hallo, Ann"}
-- $ curl -s -H 'Accept-Language: fr' http://127.0.0.1:8080/greet/Ann
-- {"greeting":"Bonjour, Ann"}
local http = require "perigee.http"

local words = { en = "Hello", de = "Hallo", fr = "Bonjour" }

local app = http.router()

app:get("/:name", function(request)
    local language = request.query.lang or request:header("accept-language") or "en"
    local word = words[language]
    if not word then
        return http.error(404, "no greeting in " .. language)
    end
    return { greeting = word .. ", " .. request.params.name }
end)

return { http = app }
