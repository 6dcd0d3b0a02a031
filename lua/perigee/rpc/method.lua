--- The methods of a service's RPC services, as calls find them: the function inside its middleware,
-- and the types of its argument and its reply where they are declared.
local middleware = require "perigee.rpc.middleware"
local types = require "perigee.rpc.types"

local method = {}

local DECLARED = {}
local KEYS = { args = true, reply = true, doc = true, fn = true }
local STREAM_KEYS = { args = true, item = true, doc = true, fn = true }

local wraps = {} -- the middleware of this service

local function parse(notation, what, level)
    if notation == nil then
        return nil
    end
    local parsed, problem = types.parse(notation)
    if not parsed then
        error(("the type of %s: %s"):format(what, problem), level + 1)
    end
    return parsed
end

-- Errors name the caller of the function that calls this.
local function check(declaration, what, keys)
    if type(declaration) ~= "table" or type(declaration.fn) ~= "function" then
        error(("%s takes a table with a function in `fn`"):format(what), 3)
    end
    for key in pairs(declaration) do
        if not keys[key] then
            error(("%s has no key '%s'; there are %s, doc and fn"):format(what, tostring(key),
                keys.reply and "args, reply" or "args, item"), 3)
        end
    end
    if type(declaration.doc or "") ~= "string" then
        error(what .. " takes a text in `doc`", 3)
    end
end

--- See rpc.method.
function method.declare(declaration)
    check(declaration, "rpc.method", KEYS)
    return setmetatable({
        fn = declaration.fn,
        doc = declaration.doc,
        args = parse(declaration.args, "args", 2),
        reply = parse(declaration.reply, "reply", 2),
    }, DECLARED)
end

-- The function of a streaming method inside its middleware, which hands on two arguments.
local function with_send(fn)
    return function(args, call)
        return fn(args, call, call.send)
    end
end

--- See rpc.stream.
function method.declare_stream(declaration)
    check(declaration, "rpc.stream", STREAM_KEYS)
    return setmetatable({
        fn = with_send(declaration.fn),
        doc = declaration.doc,
        args = parse(declaration.args, "args", 2),
        item = parse(declaration.item or "any", "item", 2),
        is_stream = true,
    }, DECLARED)
end

--- See rpc.use.
function method.use(...)
    middleware.add(wraps, "rpc.use", ...)
end

-- What codecs take for the method when it is about one item, or about all in a list.
local function item_forms(service, name, item)
    return { service = service, name = name, reply = item },
        { service = service, name = name, reply = { kind = "slice", element = item } }
end

local function compile(service, name, declared)
    if type(declared) == "function" then
        declared = { fn = declared }
    end
    local compiled = {
        service = service,
        name = name,
        run = middleware.compose(wraps, declared.fn, 0),
        args = declared.args,
        reply = declared.reply,
        doc = declared.doc,
        is_stream = declared.is_stream,
    }
    if declared.is_stream then
        compiled.item, compiled.list = item_forms(service, name, declared.item)
    end
    return compiled
end

local function is_method(value)
    return type(value) == "function" or getmetatable(value) == DECLARED
end

local function describe_reply(compiled)
    if compiled.is_stream then
        return "stream of " .. types.describe(compiled.item.reply)
    end
    return compiled.reply and types.describe(compiled.reply) or ""
end

--- A method as rpc.describe tells it: { name = "Service.Method", args=, reply=, doc= }, all texts;
-- a type that is not declared is an empty one.
function method.describe(compiled)
    return {
        name = compiled.service .. "." .. compiled.name,
        args = compiled.args and types.describe(compiled.args) or "",
        reply = describe_reply(compiled),
        doc = compiled.doc or "",
    }
end

--- The methods of all of `services`, by "Service.Method". What else stands in a service's table is
-- for the service itself.
function method.compile_all(services)
    local compiled = {}
    for service, methods in pairs(services) do
        for name, value in pairs(methods) do
            if type(name) == "string" and is_method(value) then
                compiled[service .. "." .. name] = compile(service, name, value)
            end
        end
    end
    return compiled
end

return method
