--- What a request asks of an instance: the path that is left of its own, below the instance's
-- mount. Pure.
local find, sub = string.find, string.sub

local target = {}

-- Pattern of a route -> how many segments stand in front of its `*rest`; those of scripts, so few.
local segment_counts = {}

local function segments_before_rest(route)
    local count = segment_counts[route]
    if not count then
        local before = route:match("^(.-)/?%*[%w_]+$") or ""
        count = select(2, before:gsub("/", ""))
        segment_counts[route] = count
    end
    return count
end

-- The position behind so many segments; nil when there are not so many.
local function behind_segments(path, count)
    local position = 1
    for _ = 1, count do
        if sub(path, position, position) ~= "/" then
            return nil
        end
        position = find(path, "/", position + 1, true) or #path + 1
    end
    return position
end

-- The path below the mount and the segments in front of the route's `*rest`, as it was sent.
local function rest_of(request)
    local mount, path = request.mount, request.path
    local rest = mount == "/" and path or sub(path, #mount + 1)
    local position = behind_segments(rest, segments_before_rest(request.route or ""))
    return position and sub(rest, position) or rest
end

--- The target at an instance whose mount is `mount`.
function target.of(request, mount)
    local path = rest_of(request)
    if mount and mount ~= "/" then
        path = mount .. path
    end
    local query = find(request.target, "?", 1, true)
    if query then
        return (path == "" and "/" or path) .. sub(request.target, query)
    end
    return path == "" and "/" or path
end

return target
