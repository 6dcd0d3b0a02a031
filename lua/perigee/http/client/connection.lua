--- One connection to an HTTP server: requests one after the other, over anything that reads and
-- writes like perigee.core.stream. When anything about it is in doubt it closes itself at once, so
-- that it cannot be used again by mistake.
local body_sender = require "perigee.http.client.body_sender"
local request_writer = require "perigee.http.client.request_writer"
local response_reader = require "perigee.http.client.response_reader"

local DEFAULT_TIMEOUT_S = 30

local methods = {}
local metatable = { __index = methods }

local connection = {}

--- When a request that is made now must be over.
function connection.deadline(request, now)
    return now() + (request.timeout_s or DEFAULT_TIMEOUT_S)
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

local function failure_text(code)
    return code == "timeout" and "the time for the request (timeout_s) is over"
        or "the connection broke"
end

-- The next bytes. The time for a response does not run while its request is being sent.
local function read_bytes(self, sender, deadline)
    local bytes, code = self.stream:read(deadline)
    while code == "timeout" and sender and sender:extends_time() do
        bytes, code = self.stream:read(self.now() + sender.timeout_s)
    end
    return bytes, code
end

-- Takes what comes next. Returns the response, or nil, code, detail: "again" while it goes on.
local function read_more(self, reader, sender, deadline)
    local bytes, code = read_bytes(self, sender, deadline)
    if bytes then
        return reader:push(bytes)
    elseif code == "eof" then
        return reader:finish()
    end
    return nil, code
end

-- Hands over what has come of a response that is not complete. Returns whether it has begun, and
-- false when nobody takes more of it.
local function pass_on(message, reader, is_begun)
    local response, bytes = reader:take_begun()
    if not response then
        return false, true
    end
    local is_taken = is_begun or message.on_head(response)
    if is_taken and bytes ~= "" then
        is_taken = message.on_piece(bytes)
    end
    return true, is_taken
end

-- A response that is passed on may take as long as it likes once it has begun.
local function read_response(self, reader, message, sender, deadline)
    local is_begun, is_taken = false, true
    while is_taken do
        local response, code, detail = read_more(self, reader, sender,
            not is_begun and deadline or nil)
        if sender and reader:is_invited() then
            sender:begin()
        end
        if response or code ~= "again" then
            return response, code, detail or failure_text(code)
        elseif message.on_head then
            is_begun, is_taken = pass_on(message, reader, is_begun)
        end
    end
    return nil, "canceled", "nobody takes the response"
end

-- Ends what is left of the request's body. Returns whether nothing is.
local function settle_body(sender)
    if not sender then
        return true
    end
    sender:stop()
    return sender.is_complete
end

-- The sender of a body that does not come with the head; one that waits for an invitation has not
-- begun.
local function begin_body(self, message)
    if not message.source then
        return nil
    end
    local sender = body_sender.new(self.stream, message)
    if not message.expects_continue then
        sender:begin()
    end
    return sender
end

-- What exchange returns without a response.
local function explain(reader, write_code, code, detail)
    if write_code and not reader:is_begun() then
        code, detail = write_code, failure_text(write_code)
    end
    return nil, code, detail, not reader:is_begun()
end

--- Sends a composed request and waits for its response.
-- @param message of request_writer.compose
-- @return the response; or nil, code, detail and whether not a byte of a response had come
function methods:exchange(message, deadline)
    if self.state == "closed" then
        return nil, "closed", "the connection cannot take another request", true
    end
    self.state = "busy"
    local reader = response_reader.new({ method = message.method, max_body = message.max_body })
    local _, write_code = self.stream:write(message.bytes, deadline)
    local sender = begin_body(self, message)
    -- Also after a failed write: a server may answer before it has read all, and close.
    local response, code, detail = read_response(self, reader, message, sender, deadline)
    local is_sent = settle_body(sender) and not write_code
    self.state = "idle"
    if not (response and is_sent and reader:is_reusable()) or message.is_last then
        self:close()
    end
    if response then
        return response
    elseif sender and sender.failure then
        return nil, "canceled", "the body of the request broke off: " .. sender.failure
    end
    return explain(reader, write_code, code, detail)
end

--- Makes a request and waits for its response.
-- @param request {method = "GET", target = "/path", fields = {name, value, ...}, body = string or
-- source, timeout_s = 30, max_body = 64 MiB}: all but the target may be left out. A source is a
-- body that comes in pieces: {read = function() -> bytes, nil at the end, or nil, code; length = of
-- all, if it is known; trailers = function() -> lines of fields}. With a field "Expect:
-- 100-continue" it is read only once the server has said so. With on_head(response)
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
-- taken for the answer to the next request. Lets other tasks run.
function methods:is_quiet()
    local bytes, code = self.stream:read(0)
    return not bytes and code == "timeout"
end

--- Closes the connection; closing it again does nothing.
function methods:close()
    if self.state ~= "closed" then
        self.state = "closed"
        self.stream:close()
    end
end

return connection
