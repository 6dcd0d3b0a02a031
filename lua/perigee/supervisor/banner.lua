--- What a person sees when the host is up: services, routes and addresses. Pure.
local table_text = require "perigee.core.table_text"

local banner = {}

local MAX_ROUTES = 4

local function join_path(mount, pattern)
    if mount == "/" then
        return pattern
    end
    return pattern == "/" and mount or mount .. pattern
end

local function describe_routes(live)
    local routes = {}
    for i, route in ipairs(live.manifest.routes) do
        if i > MAX_ROUTES then
            routes[#routes + 1] = ("and %d more"):format(#live.manifest.routes - MAX_ROUTES)
            break
        end
        routes[#routes + 1] = route.method .. " " .. join_path(live.mount, route.pattern)
    end
    if #routes == 0 and live.manifest.has_http then
        routes[1] = "any request below " .. live.mount
    end
    return table.concat(routes, ", ")
end

local function describe_methods(live)
    local methods = live.manifest.methods or {}
    local list = {}
    for i = 1, math.min(#methods, MAX_ROUTES) do
        list[i] = methods[i].name
    end
    if #methods > MAX_ROUTES then
        list[#list + 1] = ("and %d more"):format(#methods - MAX_ROUTES)
    end
    return table.concat(list, ", ")
end

local function describe(service)
    if service.live then
        local routes, methods = describe_routes(service.live), describe_methods(service.live)
        return { service.name, service.place.path,
            routes .. (routes ~= "" and methods ~= "" and "; " or "") .. methods }
    end
    return { service.name, service.place.path, "FAILED: "
        .. tostring(service.last_error and service.last_error.message):gsub("\n.*", "") }
end

--- The lines for `services` (records of perigee.supervisor.catalog) and `addresses` = { admin=,
-- rpc= or nil, is_rpc_secured= or nil, and either http= or https= }.
function banner.format(version, services, addresses, worker_count)
    local scheme = addresses.https and "https" or "http"
    local rows = { { "SERVICE", "SCRIPT", "ROUTES" } }
    for _, service in ipairs(services) do
        rows[#rows + 1] = describe(service)
    end
    local rpc = addresses.rpc and ("  rpc    %s%s\n"):format(addresses.rpc,
        addresses.is_rpc_secured and " (TLS)" or "") or ""
    return ("perigee %s, %d worker%s\n\n%s\n  %-5s  %s://%s/\n%s  admin  http://%s/\n")
        :format(version, worker_count, worker_count == 1 and "" or "s", table_text.format(rows),
            scheme, scheme, addresses[scheme], rpc, addresses.admin)
end

return banner
