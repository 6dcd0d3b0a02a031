-- Counts in memory, so it runs in one worker only; its state crosses every reload.
-- curl -X POST http://127.0.0.1:8080/counter && curl http://127.0.0.1:8080/counter
local http = require "perigee.http"

local count = 0

local app = http.router()

app:get("/", function()
    return { count = count }
end)

app:post("/", function()
    count = count + 1
    return { count = count }
end)

return {
    http = app,
    replicas = 1,
    start = function(saved)
        count = saved and saved.count or 0
    end,
    save = function()
        return { count = count }
    end,
}
