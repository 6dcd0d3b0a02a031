--- RPC for services: methods with declared types, errors with codes, middleware. A service offers
-- methods by returning them: `return { rpc = { Calculator = Calculator } }`.
local lazy = require "perigee.core.lazy"
local method = require "perigee.rpc.method"

local client = lazy "perigee.rpc.client"
local proxy = lazy "perigee.rpc.proxy"

local rpc = {}

--- Declares the types of a method: rpc.method{ args = "int", reply = "float64", fn = function(args,
-- call) end }. See docs/rpc.md for the notation. `doc` is a line for people, which rpc.describe
-- tells.
rpc.method = method.declare

--- Declares a method that gives items, one after the other: rpc.stream{ args =, item = the type of
-- each, doc =, fn = function(args, call, send) end }. `send(item)` waits until the caller takes
-- another and returns true; or nil, "canceled" or "closed" when it wants no more. What `fn` returns
-- comes behind the items. Who does not ask for a stream gets the items as a list.
rpc.stream = method.declare_stream

--- Puts middleware around every method of this service, the first outermost: functions that take
-- the next handler, function(args, call), and return a handler around it.
rpc.use = method.use

--- Makes a client of an RPC server: rpc.dial("tcp://127.0.0.1:1234"), see perigee.rpc.client.
function rpc.dial(address, options)
    return client.dial(address, options)
end

--- An error with a code and data for clients of JSON-RPC 2.0, to be raised or returned: others get
-- its message. `code` is any whole number outside -32768 to -32000.
function rpc.error(code, message, data)
    if type(code) ~= "number" or code % 1 ~= 0 or type(message) ~= "string" or message == "" then
        error("rpc.error takes a whole number, a text and data for the client", 2)
    end
    return { code = code, message = message, data = data }
end

--- A proxy for the RPC service of that name, which finds it wherever it runs: see
-- perigee.rpc.proxy.
function rpc.service(name)
    local made = proxy.new(name)
    return made
end

return rpc
