--- One connection to an HTTP server: requests one after the other, over anything that reads and
-- writes like perigee.core.stream. When anything about it is in doubt it closes itself at once, so
-- that it cannot be used again by mistake.
local exchange = require "perigee.http.client.exchange"
local request_writer = require "perigee.http.client.request_writer"

local DEFAULT_TIMEOUT_S = 30

local methods = {}
local metatable = { __index = methods }

local connection = {}

--- When a request that is made now must be over.
function connection.deadline(request, now)
    return request.deadline or now() + (request.timeout_s or DEFAULT_TIMEOUT_S)
end

--- Makes a connection over a stream, which it owns from then on.
-- @param options {address = that it leads to, now = function for the time of deadlines}
function connection.new(stream, options)
    return setmetatable({
        stream = stream,
        authority = request_writer.authority(options.address),
        now = options.now,
        state = "idle", -- or "busy" or "closed"
    }, metatable)
end

--- Sends a composed request and waits for the head of its response.
-- @param message of request_writer.compose
-- @param on_over nil, or function(connection), called once when the exchange is over
-- @return the exchange (perigee.http.client.exchange), until whose end the connection takes no
-- other request; or nil, code, detail and whether not a byte of a response had come
function methods:begin(message, deadline, on_over)
    if self.state == "closed" then
        return nil, "closed", "the connection cannot take another request", true
    end
    self.state = "busy"
    return exchange.begin(self, message, deadline, on_over)
end

--- For perigee.http.client.exchange, which is over.
function methods:end_exchange(is_reusable)
    if is_reusable and self.state == "busy" then
        self.state = "idle"
    else
        self:close()
    end
end

-- Hands over a response that does not come all at once. Returns the response with the last of its
-- body; or nil, code, detail.
local function pass_on(begun, message)
    local response = begun.head
    local is_taken, code, detail = message.on_head(response), nil, nil
    local bytes
    if is_taken then
        bytes, code, detail = begun:read()
    end
    while is_taken and bytes and not begun.is_over do
        is_taken = message.on_piece(bytes)
        if is_taken then
            bytes, code, detail = begun:read()
        end
    end
    if not is_taken then
        begun:close()
        return nil, "canceled", "nobody takes the response"
    elseif code then
        return nil, code, detail
    end
    response.body = bytes or ""
    return response
end

--- Waits for the rest of an exchange that has begun, as connection:request says.
-- @return the response; or nil, code, detail
function connection.finish(begun, message, deadline)
    if message.on_head and not begun.is_over then
        return pass_on(begun, message)
    end
    return begun:gather(deadline)
end

--- Sends a composed request and waits for its response.
-- @param message of request_writer.compose
-- @return the response; or nil, code, detail and whether not a byte of a response had come
function methods:exchange(message, deadline)
    local begun, code, detail, is_unanswered = self:begin(message, deadline)
    if not begun then
        return nil, code, detail, is_unanswered
    end
    local response
    response, code, detail = connection.finish(begun, message, deadline)
    return response, code, detail, false
end

--- Makes a request and waits for its response.
-- @param request {method = "GET", target = "/path", fields = {name, value, ...}, body = string or
-- source, timeout_s = 30, deadline = in place of that, max_body = 64 MiB, max_head = 64 KiB}: all
-- but the target may be left out. A source is a body that comes in pieces: {read = function() ->
-- bytes, nil at the end, or nil, code; length = of all, if it is known; trailers = function() ->
-- lines of fields}. With a field "Expect: 100-continue" it is read only once the server has said
-- so. With on_head(response)
-- and on_piece(bytes), a response that does not come all at once is passed on: its head, then its
-- body piece by piece, and what is returned in the end has only the last of it. They may wait;
-- when one returns false or nil the request is given up. The time is then that for the head.
-- @return {status, reason, fields = Headers, body} with response:header(name); or nil, code,
-- detail: "timeout", "eof" or "closed" for a connection that ended, "invalid" for a malformed
-- response, or "too_large"
function methods:request(request)
    local problem = request_writer.problem(request)
        or self.state == "busy" and "the connection is in the middle of another request"
    if problem then
        error(problem, 2)
    end
    local message = request_writer.compose(request, self.authority, false)
    local response, code, detail = self:exchange(message, connection.deadline(request, self.now))
    return response, code, detail
end

--- True when another request can be made.
function methods:is_reusable()
    return self.state == "idle"
end

--- False when the server has closed an idle connection, or said something unasked that would be
-- taken for the answer to the next request. Does not wait: what has come is known.
function methods:is_quiet()
    local bytes, code = self.stream:poll()
    return not bytes and code == "again"
end

--- Closes the connection; closing it again does nothing.
function methods:close()
    if self.state ~= "closed" then
        self.state = "closed"
        self.stream:close()
    end
end

return connection
