--- HTTP servers that a spec plays itself: whatever connects in this process gets one end of a
-- socket pair, and a function of the spec answers what comes at the other.
local headers = require "perigee.http.headers"
local perigee = require "perigee"
local stream = require "perigee.core.stream"

local http_peer = {}

local methods = {}
local metatable = { __index = methods }

local READ_S = 20

local connect = stream.connect

local function read_until(far, text, size)
    while #text < size do
        local bytes = far:read(perigee.now() + READ_S)
        if not bytes then
            return nil
        end
        text = text .. bytes
    end
    return text
end

local function read_head(far, text)
    while not text:find("\r\n\r\n", 1, true) do
        text = read_until(far, text, #text + 1)
        if not text then
            return nil
        end
    end
    return text:match("^(.-\r\n)\r\n(.*)$")
end

-- The next request; nil when there is none.
local function read_request(far, text)
    local head, rest = read_head(far, text)
    if not head then
        return nil
    end
    local method, target = head:match("^(%S+) (%S+) HTTP/1%.1\r\n")
    local fields = headers.parse(head:match("\r\n(.*)$"))
    local size = tonumber(fields:get("content-length") or 0)
    rest = read_until(far, rest, size)
    if not rest then
        return nil
    end
    return { method = method, target = target, headers = fields, body = rest:sub(1, size),
        head = head }, rest:sub(size + 1)
end

-- Sends what the spec answers: text, or pieces of which each has to be read before the next.
local function serve(self, far, address, number)
    local request, rest = read_request(far, "")
    while request do
        request.address, request.number, request.rest = address, number, rest
        self.requests[#self.requests + 1] = request
        local answer, is_last = self.answer(request, far)
        if answer then
            far:write(answer)
        end
        if is_last then
            break
        end
        request, rest = read_request(far, rest)
    end
    far:close()
end

--- Takes the place of every server from now on.
-- @param answer function(request, stream) → the bytes to answer with, or nil; and true when the
-- connection ends then. request = { method, target, headers, body, rest = what has come behind it,
-- head, address, number of the connection }
function http_peer.start(answer)
    local self = setmetatable({ answer = answer, requests = {}, addresses = {}, failure = nil,
        count = 0 }, metatable)
    function stream.connect(address, _, options)
        self.count = self.count + 1
        self.addresses[self.count] = address
        self.options = options
        if self.failure then
            return nil, self.failure, nil, self.failed_phase
        end
        local near, descriptor = assert(stream.pair())
        local far = assert(stream.adopt(descriptor))
        perigee.go(serve, self, far, address, self.count)
        return near
    end
    return self
end

--- Lets go of it.
function methods.stop()
    stream.connect = connect
end

--- An answer with this status, body and fields, { name, value, ... }.
function http_peer.compose(status, body, fields)
    local list = headers.new(fields)
    return ("HTTP/1.1 %d Any\r\n%sContent-Length: %d\r\n\r\n%s"):format(status, list:text(),
        #(body or ""), body or "")
end

return http_peer
