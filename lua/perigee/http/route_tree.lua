--- Finds the route for a path. A tree with a node per pattern segment; in each segment static text
-- goes before `:name`, and that before `*rest`. A branch that leads nowhere, or to other methods
-- only, is left again, so PUT /files/:name is found although GET /files/new is nearer. A node is
-- visited once at most.
local concat = table.concat

local route_tree = {}

-- static: children by text; param, rest: children; routes: by method; any: the route for every
-- method.
local function new_node()
    return { static = {}, routes = {} }
end

function route_tree.new()
    return { root = new_node(), static_paths = {} }
end

local function child_for(node, segment)
    local place, key = node, segment.kind
    if key == "static" then
        place, key = node.static, segment.text
    end
    place[key] = place[key] or new_node()
    return place[key]
end

--- The node for a parsed pattern, made when it is new.
-- @param text the pattern's text
function route_tree.node_for(tree, segments, text)
    local node, is_static = tree.root, true
    for _, segment in ipairs(segments) do
        node = child_for(node, segment)
        is_static = is_static and segment.kind == "static"
    end
    if is_static then
        tree.static_paths[text] = node
    end
    return node
end

--- The route at a node for a method; HEAD is answered by GET.
local function route_at(node, method)
    local routes = node.routes
    return routes[method] or method == "HEAD" and routes.GET or node.any
end

local function rest_at(node, segments, i, method)
    local route = route_at(node, method)
    if route then
        return route, { [route.names[i]] = concat(segments, "/", i) }
    end
end

local function with_param(params, name, value)
    if not params then
        return { [name] = value }
    end
    params[name] = value
    return params
end

local function walk(node, segments, i, method)
    local segment = segments[i]
    if not segment then
        return route_at(node, method)
    end
    local child, route, params = node.static[segment]
    if child then
        route, params = walk(child, segments, i + 1, method)
    end
    if not route and node.param and segment ~= "" then
        route, params = walk(node.param, segments, i + 1, method)
        if route then
            params = with_param(params, route.names[i], segment)
        end
    end
    if not route and node.rest then
        return rest_at(node.rest, segments, i, method)
    end
    return route, params
end

--- A route without parameters for the path as it was sent: one look-up.
function route_tree.find_static(tree, method, path)
    local node = tree.static_paths[path]
    return node and route_at(node, method)
end

--- The route for decoded segments and its parameters (nil for none); or nil.
function route_tree.find(tree, method, segments)
    return walk(tree.root, segments, 1, method)
end

local function add_methods(node, found)
    for method in pairs(node.routes) do
        found[method] = true
    end
end

local function collect(node, segments, i, found)
    local segment = segments[i]
    if not segment then
        return add_methods(node, found)
    end
    if node.static[segment] then
        collect(node.static[segment], segments, i + 1, found)
    end
    if node.param and segment ~= "" then
        collect(node.param, segments, i + 1, found)
    end
    if node.rest then
        add_methods(node.rest, found)
    end
end

--- The methods that have a route for this path, as an Allow field says them; nil when there are
-- none.
function route_tree.allowed(tree, segments)
    local found, methods = {}, {}
    collect(tree.root, segments, 1, found)
    if not next(found) then
        return nil
    end
    found.HEAD = found.HEAD or found.GET
    found.OPTIONS = true
    for method in pairs(found) do
        methods[#methods + 1] = method
    end
    table.sort(methods)
    return concat(methods, ", ")
end

return route_tree
