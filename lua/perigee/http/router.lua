--- Routes: which function answers for a method and a path, and the middleware around it. Pure: it
-- sees no request, only methods and paths. A router is written at the top level of a service and
-- sealed before the first request; then every handler is composed with its middleware once.
local lazy = require "perigee.core.lazy"
local route_tree = require "perigee.http.route_tree"

local fallback = lazy "perigee.http.fallback"
local url = lazy "perigee.http.url"
local websocket = lazy "perigee.http.websocket"

-- A group has its parent's routes, a prefix, and middleware; the router itself is the group at the
-- root. `shared` is {tree, routes, is_sealed, fallbacks}.
local Group = {}
Group.__index = Group

local router = {}

function router.new()
    local shared = { tree = route_tree.new(), routes = {}, is_sealed = false, fallbacks = {} }
    return setmetatable({ kind = "router", prefix = "", middleware = {}, shared = shared }, Group)
end

--- True for a router; not for a group of one.
function router.is(value)
    return getmetatable(value) == Group and value.kind == "router"
end

-- Routes are defined while a script loads; then the service lets go of what only that needs, which
-- is therefore required where it is used.
local function parse_pattern(text)
    return require("perigee.http.pattern").parse(text)
end

-- The checks raise at `level`, which counts from their caller as error() does.

local function check_open(group, level)
    if group.shared.is_sealed then
        error("routes and middleware belong to the top level of the service: this router already "
            .. "answers requests", level + 1)
    end
end

local function check_functions(what, functions, level)
    for i = 1, functions.n do
        if type(functions[i]) ~= "function" then
            error(("%s must be a function, not %s"):format(what, type(functions[i])), level + 1)
        end
    end
end

--- Puts a route into the tree, unless its place there is taken.
local function add_route(route, segments, level)
    local node = route_tree.node_for(route.group.shared.tree, segments, route.pattern)
    local taken = route.method == "*" and node.any or node.routes[route.method]
    if taken then
        error(("the route %s %s is already defined as %s at %s"):format(route.method, route.pattern,
            taken.pattern, taken.where), level + 1)
    end
    if route.method == "*" then
        node.any = route
    else
        node.routes[route.method] = route
    end
    local routes = route.group.shared.routes
    routes[#routes + 1] = route
end

local function names_of(segments)
    local names = {}
    for i, segment in ipairs(segments) do
        names[i] = segment.name
    end
    return names
end

-- What stands in front of the functions of a route. Returns its budget of processor time, or nil.
local function take_options(name, functions, level)
    local options = functions[1]
    if type(options) ~= "table" then
        return nil
    end
    for key, value in pairs(options) do
        if key ~= "cpu_s" or type(value) ~= "number" or value ~= value or value < 0.02 then
            error(("the options of %s are { cpu_s = seconds from 0.02 }, got %s = %s"):format(name,
                tostring(key), tostring(value)), level + 1)
        end
    end
    table.remove(functions, 1)
    functions.n = functions.n - 1
    return options.cpu_s
end

--- Defines a route for what a method below was called with; errors name the line of that call.
local function define(group, method, path, functions)
    check_open(group, 3)
    local text = type(path) == "string" and group.prefix .. path or path
    local segments, problem = parse_pattern(text)
    if not segments then
        error(("the path %s is malformed: %s"):format(tostring(text), problem), 3)
    end
    local name = method .. " " .. text
    local cpu_s = take_options(name, functions, 3)
    if functions.n == 0 then
        error(("the route %s has no handler"):format(name), 3)
    end
    check_functions("a handler of " .. name, functions, 3)
    local handler = functions[functions.n]
    functions[functions.n], functions.n = nil, nil
    local where = require "perigee.core.where"
    add_route({ method = method, pattern = text, names = names_of(segments), handler = handler,
        middleware = functions, group = group, cpu_s = cpu_s,
        where = where(3) or where.of(handler) }, segments, 3)
end

for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
    --- app:get(path, [options,] [middleware, ...,] handler), and so on for each method. Returns the
    -- router. options = { cpu_s = } gives the route's handlers another budget than the service's.
    Group[method:lower()] = function(self, path, ...)
        define(self, method, path, { n = select("#", ...), ... })
        return self
    end
end

--- Defines the route for all methods that have none of their own on this path.
function Group:all(path, ...)
    define(self, "*", path, { n = select("#", ...), ... })
    return self
end

--- Defines several methods of one path: app:on("/items", {GET = list, POST = create}).
function Group:on(path, handlers)
    if type(handlers) ~= "table" or not next(handlers) then
        error("on() takes a path and a table of handlers by method", 2)
    end
    for method, handler in pairs(handlers) do
        if type(method) ~= "string" or not method:find("^%u[%u-]*$") then
            error(("%s is not a method: methods are written in capitals")
                :format(tostring(method)), 2)
        end
        define(self, method, path, { n = 1, handler })
    end
    return self
end

--- Defines a WebSocket: app:websocket("/chat", [options,] [middleware, ...,] function(socket)
-- ... end), see perigee.http.websocket.
function Group:websocket(path, ...)
    local functions = { n = select("#", ...), ... }
    local options = {}
    if type(functions[1]) == "table" then
        options = table.remove(functions, 1)
        functions.n = functions.n - 1
    end
    local problem = websocket.options_problem(options)
    if problem then
        error(("the WebSocket %s: %s"):format(tostring(path), problem), 2)
    end
    local fn = functions[functions.n]
    if type(fn) == "function" then
        functions[functions.n] = websocket.handler(fn, options)
    end
    define(self, "GET", path, functions)
    return self
end

--- Puts middleware around every route of this router or group, wherever it is written, the first
-- outermost; on the router itself also around its own 404, 405 and the like.
-- @param ... functions that take the next handler and return a handler around it
function Group:use(...)
    local functions = { n = select("#", ...), ... }
    check_open(self, 2)
    check_functions("middleware", functions, 2)
    for i = 1, functions.n do
        self.middleware[#self.middleware + 1] = functions[i]
    end
    return self
end

--- Makes a group: routes with a common prefix and middleware of their own.
-- @param prefix such as "/api"
-- @param build optional function that gets the group
-- @return the group
function Group:group(prefix, build)
    check_open(self, 2)
    local segments, problem = parse_pattern(prefix)
    if not segments or prefix:sub(-1) == "/" then
        error(("the prefix %s is malformed: %s"):format(tostring(prefix),
            problem or 'it must not end with "/"'), 2)
    end
    if build ~= nil and type(build) ~= "function" then
        error("group() takes a prefix and a function", 2)
    end
    local group = setmetatable({ kind = "group", prefix = self.prefix .. prefix, middleware = {},
        parent = self, shared = self.shared }, Group)
    if build then
        build(group)
    end
    return group
end

--- The routes in the order of their definition: {method, pattern, where}; "*" for all methods.
function Group:routes()
    local list = {}
    for i, route in ipairs(self.shared.routes) do
        list[i] = { method = route.method, pattern = route.pattern, where = route.where }
    end
    return list
end

local function wrap(run, middleware)
    for i = #middleware, 1, -1 do
        local wrapped = middleware[i](run)
        if type(wrapped) ~= "function" then
            error(("%s: this middleware must return a function, not %s")
                :format(require("perigee.core.where").of(middleware[i]), type(wrapped)), 0)
        end
        run = wrapped
    end
    return run
end

--- The route's handler inside its own middleware, its group's, and so on outwards.
local function compose(route)
    local run, group = wrap(route.handler, route.middleware), route.group
    while group do
        run, group = wrap(run, group.middleware), group.parent
    end
    return run
end

--- Whether `fn` has a single parameter, so that a response would be nothing to it.
local function is_of_request_only(fn)
    local info = debug.getinfo(fn, "u")
    return (info.nparams == 0 or info.nparams == 1) and not info.isvararg
end

--- Ends the definition: composes every handler with its middleware. Done once, before the first
-- request.
function Group:seal()
    local shared = self.shared
    if shared.is_sealed then
        return
    end
    shared.is_sealed = true
    for _, route in ipairs(shared.routes) do
        route.run = compose(route)
        route.is_blind = route.run == route.handler and is_of_request_only(route.handler)
    end
end

--- Status and Allow for a path that has no route for this method.
local function refusal(tree, method, path, segments)
    local allow = route_tree.allowed(tree, segments)
    if allow then
        return method == "OPTIONS" and 204 or 405, allow
    end
    if method ~= "GET" and method ~= "HEAD" or path:find("^/[/\\]") then
        return 404
    end
    local other = url.split_path(fallback.other_form(path))
    return other and route_tree.find(tree, method, other) and 308 or 404
end

--- Finds the route for a method and a raw path relative to the mount.
-- @return the route and its parameters (nil for none); or nil, a status and the methods allowed:
-- 404; 405 and 204 (for OPTIONS) with the methods; 308 when only the path with, or without, a slash
-- at its end exists; 400 for malformed percent-encoding
function Group:match(method, path)
    local tree = self.shared.tree
    local route = route_tree.find_static(tree, method, path)
    if route then
        return route
    end
    local segments = url.split_path(path)
    if not segments then
        return nil, path:sub(1, 1) == "/" and 400 or 404
    end
    local found, params = route_tree.find(tree, method, segments)
    if found then
        return found, params
    end
    return nil, refusal(tree, method, path, segments)
end

--- Like `match`, with a route in any case: the fallback inside the router's middleware when there
-- is none.
function Group:resolve(method, path)
    local route, found, allow = self:match(method, path)
    if route then
        return route, found
    end
    local fallbacks, key = self.shared.fallbacks, allow and found .. allow or found
    if not fallbacks[key] then
        local handler = fallback.handler(found, allow)
        fallbacks[key] = { handler = handler, run = wrap(handler, self.middleware) }
    end
    return fallbacks[key]
end

return router
