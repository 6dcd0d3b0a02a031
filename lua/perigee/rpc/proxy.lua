--- `rpc.service(name)`: a service as others see it, wherever it runs.
--
--    local calculator = rpc.service("Calculator")
--    local sum, code, detail = calculator:call("Add", { A = 10, B = 5 })
local future = require "perigee.core.lazy" "perigee.rpc.future"
local resolver = require "perigee.rpc.resolver"
local scheduler = require "perigee.core.scheduler"
local where = require "perigee.core.lazy" "perigee.core.where"

local proxy = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local find = resolver.find

function metatable:__tostring()
    return "service " .. self.service
end

--- See rpc.service.
function proxy.new(service)
    if type(service) ~= "string" or service == "" then
        error(("rpc.service takes the name of a service, got %s"):format(tostring(service)), 3)
    end
    return setmetatable({
        service = service,
        targets = {},    -- name of a method -> what resolver calls a target
        wraps = {},
        handler = false, -- all of the middleware around the call; false without any
    }, metatable)
end

local function target_of(self, method, level)
    local target = self.targets[method]
    if not target then
        if type(method) ~= "string" or method == "" then
            error(("a method is called by its name, got %s"):format(tostring(method)), level + 1)
        end
        local name = self.service .. "." .. method
        target = { name = name, waits_on = "call of " .. name }
        self.targets[method] = target
    end
    return target
end

-- When the call is given up; nil for the context's own deadline.
local function deadline_of(options, level)
    if not options then
        return nil
    end
    for key in pairs(options) do
        if key ~= "timeout_s" then
            error(("%s is no option of a call: there is timeout_s"):format(tostring(key)),
                level + 1)
        end
    end
    local timeout_s = options.timeout_s
    if timeout_s ~= nil and (type(timeout_s) ~= "number" or timeout_s ~= timeout_s) then
        error(("timeout_s is in seconds, got %s"):format(tostring(timeout_s)), level + 1)
    end
    return timeout_s and scheduler.now() + timeout_s
end

local function encode(place, target, argument, level)
    local bytes, _, detail = place.encode(argument, "args")
    if not bytes then
        error(("%s: %s"):format(target.waits_on, detail), level + 1)
    end
    return bytes
end

local function unknown(self)
    return nil, "not_found", "rpc: can't find service " .. self.service
end

local function call(self, method, argument, options, level)
    local target = target_of(self, method, level + 1)
    local deadline = deadline_of(options, level + 1)
    local place = find(self.service)
    if not place then
        return unknown(self)
    end
    local bytes = encode(place, target, argument, level + 1)
    local value, code, detail, data = place.call(target, bytes, deadline)
    return value, code, detail, data
end

--- Calls a method and waits for its result. Returns it, which may be nil; or nil, code, detail,
-- data: "failed" with the method's message, "not_found", "invalid", "timeout", "canceled",
-- "unavailable" or "full". `argument` is a value that can be copied.
-- @param options timeout_s = how long it may take, besides the deadline of the task's context
function methods:call(method, argument, options)
    local handler = self.handler
    if handler then
        return handler(method, argument, options or {})
    end
    local value, code, detail, data = call(self, method, argument, options, 2)
    return value, code, detail, data
end

--- Begins a call and returns a future: see perigee.rpc.future.
function methods:go(method, argument, options)
    local place, target = find(self.service), target_of(self, method, 2)
    deadline_of(options, 2)
    if place and not self.handler then
        encode(place, target, argument, 2)
    end
    local begun = future.start(2, methods.call, self, method, argument, options)
    return begun
end

--- Calls a method without waiting and without a result, whatever becomes of this task. Returns
-- true; or nil, code, detail when nobody has such a service.
function methods:notify(method, argument)
    local target, place = target_of(self, method, 2), find(self.service)
    if not place then
        return unknown(self)
    end
    local bytes = encode(place, target, argument, 2)
    return place.notify(target, bytes)
end

--- Puts middleware around the calls of this proxy, the first outermost: functions that take the
-- next handler, function(method, argument, options), and return a handler around it.
function methods:use(...)
    for i = 1, select("#", ...) do
        local wrap = select(i, ...)
        if type(wrap) ~= "function" then
            error("use takes functions that return a handler around the next one", 2)
        end
        self.wraps[#self.wraps + 1] = wrap
    end
    local handler = function(method, argument, options)
        local value, code, detail, data = call(self, method, argument, options, 2)
        return value, code, detail, data
    end
    for i = #self.wraps, 1, -1 do
        handler = self.wraps[i](handler)
        if type(handler) ~= "function" then
            error(("%s: this middleware must return a function, not %s"):format(
                where.of(self.wraps[i]), type(handler)), 2)
        end
    end
    self.handler = handler
end

return proxy
