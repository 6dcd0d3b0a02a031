--- One request and its response on a connection. The head of the response is there when it has
-- begun; its body comes when it is asked for, and what is not taken is not read from the server.
local body_sender = require "perigee.http.client.body_sender"
local response_reader = require "perigee.http.client.response_reader"

local exchange = {}

local methods = {}
local metatable = { __index = methods }

local function failure_text(code)
    return code == "timeout" and "the time for the request (timeout_s) is over"
        or "the connection broke"
end

-- The next bytes. The time for a response does not run while its request is being sent, unless it
-- is a deadline.
local function read_bytes(self, deadline)
    local sender, stream = self.sender, self.connection.stream
    local bytes, code, detail = stream:read(deadline)
    while code == "timeout" and sender and not self.message.has_deadline
        and sender:extends_time() do
        bytes, code, detail = stream:read(self.connection.now() + sender.timeout_s)
    end
    return bytes, code, detail
end

-- Takes what comes next. Returns the response with the rest of its body once that is complete; or
-- nil, code, detail: "again" while it goes on.
local function advance(self, deadline)
    local reader, sender = self.reader, self.sender
    local bytes, code, detail = read_bytes(self, deadline)
    local response
    if bytes then
        response, code, detail = reader:push(bytes)
    elseif code == "eof" then
        response, code, detail = reader:finish()
    end
    if sender and reader:is_invited() then
        sender:begin()
    end
    return response, code, detail or code ~= "again" and failure_text(code) or nil
end

-- The sender of a body that does not come with the head; one that waits for an invitation has not
-- begun.
local function begin_body(self)
    local message = self.message
    if not message.source then
        return nil
    end
    local sender = body_sender.new(self.connection.stream, message)
    if not message.expects_continue then
        sender:begin()
    end
    return sender
end

-- Ends what is left of the request's body. Returns whether nothing is.
local function settle_body(sender)
    if not sender then
        return true
    end
    sender:stop()
    return sender.is_complete
end

-- Gives the connection back, for another request when nothing about it is in doubt.
local function finish(self, is_whole)
    local connection = self.connection
    local is_sent = settle_body(self.sender) and not self.write_code
    self.is_over = true
    connection:end_exchange(is_whole and is_sent and self.reader:is_reusable()
        and not self.message.is_last)
    if self.on_over then
        self.on_over(connection)
    end
end

-- Returns nil, code, detail, and whether not a byte of a response had come.
local function fail(self, code, detail)
    local is_unanswered = not self.reader:is_begun()
    finish(self, false)
    if self.sender and self.sender.failure then
        code, detail = "canceled", "the body of the request broke off: " .. self.sender.failure
    elseif self.write_code and is_unanswered then
        code, detail = self.write_code, failure_text(self.write_code)
    end
    self.failure, self.failure_detail = code, detail
    return nil, code, detail, is_unanswered
end

local function complete(self, response)
    self.head, self.rest = self.head or response, response.body
    finish(self, true)
end

-- Waits for the head, and whatever comes with it.
local function read_head(self, deadline)
    local response, code, detail
    repeat
        response, code, detail = advance(self, deadline)
        if response then
            complete(self, response)
        elseif code == "again" then
            self.head = self.reader:head_only()
        else
            return fail(self, code, detail)
        end
    until self.head
    return self
end

--- Sends a composed request and waits for the head of its response. For
-- perigee.http.client.connection.
-- @param message of request_writer.compose
-- @param on_over nil, or function(connection), called once, when the exchange has begun and is over
-- @return the exchange; or nil, code, detail and whether not a byte of a response had come
function exchange.begin(connection, message, deadline, on_over)
    local self = setmetatable({
        connection = connection,
        message = message,
        reader = response_reader.new({ method = message.method, max_body = message.max_body,
            max_head = message.max_head }),
        on_over = nil,
        write_code = nil,  -- why the request could not be sent
        sender = nil,
        head = nil,        -- the response without its body
        rest = "",         -- of the body: what has come and was not taken
        is_over = false,   -- the connection was given back
        failure = nil, failure_detail = nil,
    }, metatable)
    local _, write_code = connection.stream:write(message.bytes, deadline)
    self.write_code = write_code
    self.sender = begin_body(self)
    -- Also after a failed write: a server may answer before it has read all, and close.
    local is_begun, code, detail, is_unanswered = read_head(self, deadline)
    if not is_begun then
        return nil, code, detail, is_unanswered
    elseif self.is_over and on_over then
        on_over(connection)
    end
    self.on_over = on_over
    return self
end

local function take_rest(self)
    local bytes = self.rest
    self.rest = ""
    if bytes == "" and not self.is_over then
        bytes = self.reader:take()
    end
    return bytes
end

--- The next piece of the body, never "". Waits for it until the deadline, if there is one.
-- @return bytes; nil at the end; or nil, code, detail
function methods:read(deadline)
    local bytes = take_rest(self)
    while bytes == "" and not self.is_over do
        local response, code, detail = advance(self, deadline)
        if response then
            complete(self, response)
        elseif code ~= "again" then
            fail(self, code, detail)
        end
        bytes = take_rest(self)
    end
    if bytes ~= "" then
        return bytes
    end
    return nil, self.failure, self.failure_detail
end

--- Waits for the whole of the body.
-- @return the response with all of it that was not taken; or nil, code, detail
function methods:gather(deadline)
    while not self.is_over do
        local response, code, detail = advance(self, deadline)
        if response then
            complete(self, response)
        elseif code ~= "again" then
            fail(self, code, detail)
        end
    end
    if self.failure then
        return nil, self.failure, self.failure_detail
    end
    self.head.body = take_rest(self)
    return self.head
end

--- The lines of the trailer fields of a body that has come to its end.
function methods:trailer_lines()
    return self.reader:trailer_lines()
end

--- Gives up what has not come yet, and the connection with it.
function methods:close()
    if not self.is_over then
        fail(self, "closed", "the response was closed")
    end
end

return exchange
