--- Sends the body of a request while its response is awaited: a server may answer before it has
-- all, and whoever is slow on either side is waited for. Nothing is kept but the piece on its way.
local context = require "perigee.core.context"
local scheduler = require "perigee.core.scheduler"

local DEFAULT_TIMEOUT_S = 30

local methods = {}
local metatable = { __index = methods }

local body_sender = {}

--- Makes the sender of a composed request with a source, see connection:request.
function body_sender.new(stream, message)
    return setmetatable({
        stream = stream,
        source = message.source,
        timeout_s = message.timeout_s or DEFAULT_TIMEOUT_S,
        task = nil,          -- that sends, once begun
        is_running = false,
        is_complete = false, -- all was sent
        failure = nil,       -- the code the source failed with
        has_moved = false,
    }, metatable)
end

local function frame(self, bytes)
    return self.source.length and bytes or ("%x\r\n%s\r\n"):format(#bytes, bytes)
end

local function write_end(self)
    if self.source.length then
        return true
    end
    local trailers = self.source.trailers and self.source.trailers() or ""
    return self.stream:write("0\r\n" .. trailers .. "\r\n")
end

local function send(self)
    local bytes, code = self.source.read()
    while bytes and self.stream:write(frame(self, bytes)) do
        bytes, code = self.source.read()
    end
    self.is_complete = bytes == nil and code == nil and write_end(self) == true
    self.is_running = false
    if code then
        -- Half a body is none: the server notices, and ends what waits for its answer.
        self.failure = code
        self.stream:shutdown()
    end
end

--- Begins to send; once begun, it does nothing.
function methods:begin()
    if not self.task then
        self.is_running, self.has_moved = true, true
        self.task = scheduler.spawn(send, self)
        self.task.name = "body of a request"
    end
end

--- True when the time for the response has not run since this was asked last, because the body was
-- still being sent.
function methods:extends_time()
    local has_moved = self.has_moved
    self.has_moved = self.is_running
    return has_moved or self.is_running
end

--- The response is there: what was not sent will not be.
function methods:stop()
    if self.is_running then
        context.cancel_task(self.task)
    end
end

return body_sender
