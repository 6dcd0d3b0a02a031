--- `rpc.service(name)`: a service as others see it, wherever it runs. It is called as a server is
-- by perigee.rpc.client, with the same options, results and middleware.
--
--    local calculator = rpc.service("Calculator")
--    local sum, code, detail = calculator:call("Add", { A = 10, B = 5 })
local future = require "perigee.core.lazy" "perigee.rpc.future"
local middleware = require "perigee.rpc.middleware"
local notation = require "perigee.rpc.client.notation"
local resolver = require "perigee.rpc.resolver"
local scheduler = require "perigee.core.scheduler"

local proxy = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

local find, check_options = resolver.find, notation.check

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
        targets = {},    -- name of a method -> what the resolver calls a target
        middleware = {},
        chain = false,   -- the handler inside all of them, when there are some
    }, metatable)
end

local function target_of(self, method, level)
    local target = self.targets[method]
    if not target then
        if type(method) ~= "string" or method == "" then
            error(("a method is called by its name, got %s"):format(tostring(method)), level + 1)
        end
        local name = self.service .. "." .. method
        target = { name = name, method = method, waits_on = "call of " .. name }
        self.targets[method] = target
    end
    return target
end

local function encode(place, target, args, level)
    local bytes, _, detail = place.encode(args, "args")
    if not bytes then
        error(("%s: %s"):format(target.waits_on, detail), level + 1)
    end
    return bytes
end

local function unknown(self)
    return nil, "not_found", "rpc: can't find service " .. self.service
end

-- Errors of the caller's making name the line at `level`.
local function perform(self, method, args, options, level)
    local target, checked = target_of(self, method, level + 1), check_options(options, level + 1)
    local place = find(self.service)
    if not place then
        return unknown(self)
    end
    local bytes = encode(place, target, args, level + 1)
    local timeout_s = checked.timeout_s
    local value, code, detail, data = place.call(target, bytes,
        timeout_s and scheduler.now() + timeout_s, checked.wishes)
    if not code and checked.reply then
        return notation.fit(checked.reply, value)
    end
    return value, code, detail, data
end

local function notify(self, method, args, options, level)
    local target, place = target_of(self, method, level + 1), find(self.service)
    check_options(options, level + 1)
    if not place then
        return unknown(self)
    end
    local bytes = encode(place, target, args, level + 1)
    return place.notify(target, bytes)
end

local function open_stream(self, method, args, options, level)
    local target, checked = target_of(self, method, level + 1), check_options(options, level + 1)
    local place = find(self.service)
    if not place then
        return unknown(self)
    end
    local bytes = encode(place, target, args, level + 1)
    return place.stream(target, bytes, checked.credit, checked.timeout_s)
end

local kinds = { call = perform, notification = notify, stream = open_stream }

--- Puts middleware around every call, as client:use does: functions that take the next handler,
-- function(method, args, call), and return a handler around it. `call` is { kind = "call",
-- "notification" or "stream"; options = as they were given }.
function methods:use(...)
    middleware.add(self.middleware, "use", ...)
    self.chain = middleware.compose(self.middleware, function(method, args, call)
        local value, code, detail, data = kinds[call.kind](self, method, args, call.options, 2)
        return value, code, detail, data
    end, 2)
end

--- Calls a method and waits for its result.
-- @param args a value that can be copied; nil for none
-- @param options { timeout_s =, reply = the type to hold the result to; and where the service runs
-- on other hosts key =, is_idempotent =, retries =, hedge = as for destination:call } or nil; see
-- client:call
-- @return the result, which may be nil; or nil, code, detail, data: "failed" with the method's
-- message, "not_found", "invalid", "timeout", "canceled", "unavailable" or "full"
function methods:call(method, args, options)
    if self.chain then
        return self.chain(method, args, { kind = "call", options = options })
    end
    local value, code, detail, data = perform(self, method, args, options, 2)
    return value, code, detail, data
end

--- Begins a call.
-- @return a future, see perigee.rpc.future
function methods:go(method, args, options)
    local target, place = target_of(self, method, 2), find(self.service)
    check_options(options, 2)
    if place and not self.chain then
        encode(place, target, args, 2)
    end
    local begun = future.start(2, methods.call, self, method, args, options)
    return begun
end

--- Calls a method without waiting and without a result, whatever becomes of this task.
-- @return true; or nil, code, detail when nobody has such a service
function methods:notify(method, args, options)
    if self.chain then
        return self.chain(method, args, { kind = "notification", options = options })
    end
    local is_sent, code, detail = notify(self, method, args, options, 2)
    return is_sent, code, detail
end

--- Calls a streaming method. It ends with the context of this task, if not before.
-- @param options { timeout_s = for each item, credit = how many the method may be ahead, 64 } or
-- nil
-- @return the items, as client:stream does; or nil, code, detail
function methods:stream(method, args, options)
    if self.chain then
        return self.chain(method, args, { kind = "stream", options = options })
    end
    local items, code, detail = open_stream(self, method, args, options, 2)
    return items, code, detail
end

return proxy
