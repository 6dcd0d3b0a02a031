--- WebSockets (RFC 6455) of a router: `app:websocket("/chat", function(socket) ... end)`. The
-- function gets an open socket; its return closes it.
--
-- The exchange does the rest, see perigee.http.server:
--
--    exchange:accept_key(key) → the value of Sec-WebSocket-Accept
--    exchange:open_websocket(lines, options) → a transport, or nil, code, detail or nil
--
--    transport:receive() → message, kind; or nil, code, close code, reason; waits
--    transport:send(kind, bytes), which waits, transport:ping(), transport:close(code, reason) →
--    true or nil, code
--    transport:poll(), transport:subscribe(waiter), transport:unsubscribe(waiter): of
--    perigee.select
--    transport:finish(code): closes, waits for the peer to do so, and ends the connection
local answer = require "perigee.http.answer"
local handshake = require "perigee.http.websocket_handshake"
local json = require "perigee.json"
local request_module = require "perigee.http.request"

local websocket = {}

local NORMAL, INTERNAL_ERROR = 1000, 1011
local DEFAULT_MESSAGE_SIZE = 1024 * 1024
local MAX_MESSAGE_SIZE = 2 ^ 31

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return "websocket " .. self.request.path
end

-- Transports are out of the reach of scripts.
local transports = setmetatable({}, { __mode = "k" })

--- The socket over a transport that is open. `request` is that of its handshake, `protocol` what
-- was agreed on, or nil.
function websocket.over(transport, request, protocol)
    local socket = setmetatable({ request = request, subprotocol = protocol }, metatable)
    transports[socket] = transport
    return socket
end

--- The next message, waited for.
-- @return the bytes and "text" or "binary"; or nil, "closed" and the close code: 1005 when the peer
-- gave none, 1006 when it is gone without a word; or nil, "canceled" or "timeout". `close_code` and
-- `close_reason` of the socket then say the same.
function methods:receive()
    local bytes, kind, code, reason = transports[self]:receive()
    if not bytes and kind == "closed" then
        self.close_code, self.close_reason = code, reason
    end
    return bytes, kind, not bytes and code or nil
end

local function next_message(self)
    return self:receive()
end

--- Iterates over the messages until the socket is closed: `for message, kind in socket:messages()`.
function methods:messages()
    return next_message, self
end

-- Called in the last step of a method, so that level 2 is the line of the service.
local function send(self, kind, bytes)
    if type(bytes) ~= "string" then
        error(("a message must be a string, not %s"):format(type(bytes)), 2)
    end
    local is_sent, code = transports[self]:send(kind, bytes)
    if code == "invalid" then
        error("a text must be UTF-8: send_binary sends any bytes", 2)
    end
    return is_sent, code
end

--- Sends a text, which is UTF-8. Waits while the peer is slow.
-- @return true; or nil, "closed", "canceled" or "timeout"
function methods:send(text)
    return send(self, "text", text)
end

--- Sends bytes. See `send`.
function methods:send_binary(bytes)
    return send(self, "binary", bytes)
end

--- Sends a ping now; the host sends some by itself. Returns true, or nil, "closed".
function methods:ping()
    return transports[self]:ping()
end

--- Begins to close: what is received from now on is nil, "closed" once what waits is taken.
-- @param code 1000 by default; those of RFC 6455 7.4, or 3000 to 4999
-- @param reason at most 123 bytes of UTF-8
-- @return true; or nil, "closed" when it was closing already
function methods:close(code, reason)
    local is_closing, problem = transports[self]:close(code or NORMAL, reason or "")
    if problem == "invalid" then
        error(("a close code is a number such as 1000 or 3000 to 4999, with a reason of at most "
            .. "123 bytes of UTF-8, not %s"):format(tostring(code)), 2)
    end
    return is_closing, problem
end

--- For perigee.select: ready when `receive` would not wait.
function methods:poll()
    return transports[self]:poll()
end

function methods:subscribe(waiter)
    transports[self]:subscribe(waiter)
end

function methods:unsubscribe(waiter)
    transports[self]:unsubscribe(waiter)
end

local function refuse(response, status, message, fields)
    for name, value in pairs(fields or {}) do
        answer.headers_of(response):set(name, value)
    end
    response._status = status
    answer.deliver(response, "its handshake", json.encode { error = message }, answer.JSON)
end

local function open(request, response, options)
    local exchange = request._exchange
    local agreed, status, message, fields = handshake.answer(request, options, function(key)
        return exchange:accept_key(key)
    end)
    if not agreed then
        refuse(response, status, message, fields)
        return nil
    end
    local codec = agreed.deflate or {}
    codec.message_size = options.max_message or DEFAULT_MESSAGE_SIZE
    local transport, _, detail = exchange:open_websocket(agreed.lines, codec)
    if not transport then
        refuse(response, 503, detail or "no WebSocket can be opened on this connection")
        return nil
    end
    response._answered_at = "its handshake"
    response._transport = transport
    return websocket.over(transport, request, agreed.protocol)
end

-- Ends what the function has left, or passes it on with what that returned.
local function conclude(socket, transport, value)
    if not transport.successor then
        transport:finish(NORMAL)
        return
    end
    local asked = socket.request
    local line = { count = 5, asked._exchange:request_line() }
    local is_passed, code, detail = transport:pass_on({ value = value, line = line,
        protocol = socket.subprotocol, params = asked.params })
    if code == "invalid" then
        error(detail, 0)
    end
    return is_passed
end

--- Goes on with a WebSocket that another generation has passed on: runs `resume(socket, value)` of
-- the service.
function websocket.resume(exchange, passed, state)
    local transport = exchange:adopt_websocket()
    local asked = request_module.new(exchange, state.server_options.new_id)
    asked.params = passed.params
    local socket = websocket.over(transport, asked, passed.protocol)
    conclude(socket, transport, state.service.resume(socket, passed.value))
end

--- The handler of a route: answers the handshake and runs `fn(socket)`.
function websocket.handler(fn, options)
    return function(request, response)
        local socket = open(request, response, options)
        if socket then
            conclude(socket, response._transport, (fn(socket)))
        end
    end
end

--- Ends the WebSocket of a response whose handler failed.
function websocket.fail(response)
    response._transport:finish(INTERNAL_ERROR)
end

local OPTIONS = {
    protocols = function(value) return type(value) == "table" end,
    origins = function(value) return value == "*" or type(value) == "table" end,
    max_message = function(value)
        return type(value) == "number" and value >= 1 and value <= MAX_MESSAGE_SIZE
    end,
    compression = function(value) return type(value) == "boolean" end,
}

--- What is wrong with the options of a route; nil when nothing is. They are `protocols`, an array
-- of subprotocols, the one liked best first; `origins`, an array such as {"https://example.com"} or
-- "*", without which only pages of the host itself may open it; `max_message` in bytes, 1 MiB by
-- default; `compression`, true to agree to permessage-deflate.
function websocket.options_problem(options)
    for name, value in pairs(options) do
        local is_valid = OPTIONS[name]
        if not is_valid then
            return ("there is no option %s: there are protocols, origins, max_message and "
                .. "compression"):format(tostring(name))
        elseif not is_valid(value) then
            return ("the option %s cannot be %s"):format(name, tostring(value))
        end
    end
    return nil
end

return websocket
