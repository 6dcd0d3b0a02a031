-- A canary: one request in twenty, and whoever asks for it, goes to the instances of "greet" whose
-- metadata say canary = "yes", as soon as there are any; all others to the rest. To see it, serve a
-- version that returns metadata = { canary = "yes" } on another host of the same registry.
--
-- $ curl -s http://127.0.0.1:8080/canary/Ann
-- {"greeting":"Hello, Ann"}
-- $ curl -s -H 'X-Canary: yes' http://127.0.0.1:8080/canary/Ann
-- {"greeting":"Hello, Ann"}
local gateway = require "perigee.gateway"
local http = require "perigee.http"
local registry = require "perigee.registry"

local ONE_IN = 20

local stable = gateway.proxy { service = "greet", metadata = { canary = false } }
local canary = gateway.proxy { service = "greet", metadata = { canary = "yes" } }

local function has_canary()
    for _, instance in ipairs(registry.host():instances "greet" or {}) do
        if instance.metadata and instance.metadata.canary == "yes" then
            return true
        end
    end
    return false
end

local count = 0

local app = http.router()

app:all("/*rest", function(request, response)
    count = count + 1
    local is_chosen = count % ONE_IN == 0 or request:header("x-canary") == "yes"
    local proxy = is_chosen and has_canary() and canary or stable
    return proxy(request, response)
end)

return { http = app }
