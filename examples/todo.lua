-- A small REST resource in memory: JSON bodies, statuses, method tables. Its state crosses
-- reloads.
--
-- $ curl -s -d '{"text":"write a service"}' http://127.0.0.1:8080/todo
-- {"id":1}
-- $ curl -s http://127.0.0.1:8080/todo/1
-- {"text":"write a service"}
-- $ curl -s -X DELETE -w '%{http_code}' http://127.0.0.1:8080/todo/1
-- 204
local http = require "perigee.http"

local items, last_id = {}, 0

local app = http.router()

local function find(request)
    local item = items[tonumber(request.params.id)]
    if not item then
        error(http.error(404, "there is no item " .. request.params.id))
    end
    return item
end

app:post("/", function(request)
    local item, code, detail = request:json()
    if not item then
        return http.body_error(code, detail)
    elseif type(item.text) ~= "string" then
        return http.error(422, "an item needs a text")
    end
    last_id = last_id + 1
    items[last_id] = { text = item.text }
    return 201, { id = last_id }
end)

app:on("/:id", {
    GET = find,
    DELETE = function(request)
        find(request)
        items[tonumber(request.params.id)] = nil
        return 204
    end,
})

return {
    http = app,
    replicas = 1,
    save = function()
        return { items = items, last_id = last_id }
    end,
    start = function(saved)
        if saved then
            items, last_id = saved.items, saved.last_id
        end
    end,
}
