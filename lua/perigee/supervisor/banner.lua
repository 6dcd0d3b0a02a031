--- What a person sees when the host is up: services, routes and addresses. Pure.
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

local function describe(service)
    if service.live then
        return { service.name, service.place.path, describe_routes(service.live) }
    end
    return { service.name, service.place.path, "FAILED: "
        .. tostring(service.last_error and service.last_error.message):gsub("\n.*", "") }
end

local function pad(text, width)
    return text .. (" "):rep(width - #text)
end

--- The lines for `services` (records of perigee.supervisor.catalog) and `addresses` = { http=, admin= }.
function banner.format(version, services, addresses, worker_count)
    local rows = { { "SERVICE", "SCRIPT", "ROUTES" } }
    for _, service in ipairs(services) do
        rows[#rows + 1] = describe(service)
    end
    local widths = { 0, 0 }
    for _, row in ipairs(rows) do
        widths[1] = math.max(widths[1], #row[1])
        widths[2] = math.max(widths[2], #row[2])
    end
    local lines = { ("perigee %s, %d worker%s"):format(version, worker_count,
        worker_count == 1 and "" or "s"), "" }
    for _, row in ipairs(rows) do
        lines[#lines + 1] = ("  %s  %s  %s"):format(pad(row[1], widths[1]), pad(row[2], widths[2]),
            row[3])
    end
    lines[#lines + 1] = ""
    lines[#lines + 1] = "  http   http://" .. addresses.http .. "/"
    lines[#lines + 1] = "  admin  http://" .. addresses.admin .. "/status"
    return table.concat(lines, "\n") .. "\n"
end

return banner
