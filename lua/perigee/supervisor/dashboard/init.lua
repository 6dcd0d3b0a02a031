--- The dashboard: a page at the admin port, its parts, and the questions it asks besides those of
-- everybody.
local catalog_view = require "perigee.supervisor.dashboard.catalog_view"
local content_types = require "perigee.http.content_types"
local feed = require "perigee.supervisor.dashboard.feed"
local host = require "host"
local http = require "perigee.http"
local trial = require "perigee.supervisor.dashboard.trial"

local dashboard = {}

local FOLDER = "perigee/supervisor/dashboard/page/"

-- The page loads nothing from elsewhere and runs nothing that stands in it; what a service, a log
-- or an error says can only be text there.
local POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    .. "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local function send_asset(response, name)
    local text = name:find("^[%w_-]+%.%w+$") and host.asset(FOLDER .. name)
    if not text then
        return http.error(404)
    end
    response:header("Content-Type", content_types.of(name))
    response:header("Content-Security-Policy", POLICY)
    response:header("X-Content-Type-Options", "nosniff")
    response:header("Referrer-Policy", "no-referrer")
    response:header("Cache-Control", "no-cache")
    return response:send(text)
end

--- Adds the routes to the router of the admin port.
function dashboard.mount(app, supervisor)
    local compress = http.compress()
    local snapshots = feed.new(supervisor)
    app:get("/", compress, function(_, response)
        return send_asset(response, "index.html")
    end)
    app:get("/dashboard/:file", compress, function(request, response)
        return send_asset(response, request.params.file)
    end)
    app:get("/events", function(_, response)
        return snapshots:follow(response)
    end)
    app:get("/methods", compress, function()
        return catalog_view.methods(supervisor)
    end)
    app:get("/instances", compress, function()
        return catalog_view.instances(supervisor)
    end)
    app:get("/source/:service", compress, function(request)
        return catalog_view.source(supervisor, request.params.service)
    end)
    app:post("/try/http", function(request)
        return trial.request(supervisor, request)
    end)
    app:post("/try/rpc", function(request)
        return trial.call(supervisor, request)
    end)
end

return dashboard
