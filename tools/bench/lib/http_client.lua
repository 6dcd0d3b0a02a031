-- Asks a server for a page by 64 tasks, with kept connections, and says how many requests a second
-- were answered: GET /client/COUNT?url=URL.
local http = require "perigee.http"
local perigee = require "perigee"

local TASKS = 64

local app = http.router()
local client = http.client { max_connections = TASKS, max_idle = TASKS, gzip = false }

local function ask(url, count)
    for _ = 1, count do
        assert(client:get(url)):text()
    end
end

app:get("/:count", function(request)
    local count, url = tonumber(request.params.count), request.query.url
    local group = perigee.group()
    local began = perigee.now()
    for _ = 1, TASKS do
        group:go(ask, url, count / TASKS)
    end
    assert(group:wait())
    return ("%.0f"):format(count / (perigee.now() - began))
end)

return { http = app, mount = "/client" }
