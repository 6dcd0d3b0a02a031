-- A service that asks others: two pages at once, and one that is passed on as it comes. It needs a
-- grant: perigee examples/ --allow-network 127.0.0.1
--
-- $ curl http://127.0.0.1:8080/fetch/both
-- {"pages":["page 1","page 2"]}
--
-- $ curl http://127.0.0.1:8080/fetch/copy
-- line 1, line 2, line 3
--
-- $ curl http://127.0.0.1:8080/fetch/nowhere
-- {"code":"refused"}
local http = require "perigee.http"
local perigee = require "perigee"

local app = http.router()
local client = http.client { timeout_s = 5 }

app:get("/page/:number", function(request)
    return "page " .. request.params.number
end)

app:get("/lines", function(_, response)
    for i = 1, 3 do
        response:write(("%sline %d"):format(i > 1 and ", " or "", i))
    end
    response:finish()
end)

-- Here the other server is this one. The client names it, and the grant keeps it to this machine.
local function url_of(request, path)
    return ("http://%s/fetch%s"):format(request:header "host", path)
end

app:get("/both", function(request)
    local pages, group = {}, perigee.group()
    for i = 1, 2 do
        group:go(function()
            pages[i] = assert(client:get(url_of(request, "/page/" .. i))):text()
        end)
    end
    assert(group:wait())
    return { pages = pages }
end)

app:get("/copy", function(request, response)
    local lines = assert(client:get(url_of(request, "/lines"), { stream = true }))
    for chunk in lines:chunks() do
        response:write(chunk)
    end
    response:finish()
end)

app:get("/nowhere", function()
    local _, code = client:get "http://127.0.0.1:1/"
    return { code = code }
end)

return { http = app }
