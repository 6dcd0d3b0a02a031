--- A WebSocket between a service and a spec, without bytes: two ends, each the transport of one
-- perigee.http.websocket, so that the spec's end has the methods a service's has. What one end
-- sends waits at the other; with MAX_WAITING messages there a sender waits, as it does when the
-- peer of a connection does not read.
local http_websocket = require "perigee.http.websocket"
local queue = require "perigee.core.queue"
local select_module = require "perigee.core.select"

local websocket = {}

local MAX_WAITING = 64
local MAX_REASON_SIZE = 123
local TOO_LARGE = 1009

-- One character beyond ASCII, as RFC 3629 4 lists them.
local CHARACTERS = {
    "^[\194-\223][\128-\191]()",
    "^\224[\160-\191][\128-\191]()",
    "^[\225-\236\238\239][\128-\191][\128-\191]()",
    "^\237[\128-\159][\128-\191]()",
    "^\240[\144-\191][\128-\191][\128-\191]()",
    "^[\241-\243][\128-\191][\128-\191][\128-\191]()",
    "^\244[\128-\143][\128-\191][\128-\191]()",
}

local function behind_character(bytes, position)
    for _, pattern in ipairs(CHARACTERS) do
        local behind = bytes:match(pattern, position)
        if behind then
            return behind
        end
    end
    return nil
end

local function is_text(bytes)
    local position = bytes:find("[\128-\255]")
    while position do
        local behind = behind_character(bytes, position)
        if not behind then
            return false
        end
        position = bytes:find("[\128-\255]", behind)
    end
    return true
end

-- Those that may stand in a close frame (RFC 6455 7.4 and the registry).
local function is_close_code(code)
    return type(code) == "number" and code % 1 == 0 and (code >= 1000 and code <= 1003
        or code >= 1007 and code <= 1014 or code >= 3000 and code <= 4999)
end

local methods = {}
local metatable = { __index = methods }

-- `link` = { code=, reason= }, both nil while it is open, is the same for both ends.
local function new_end(link, max_size)
    return setmetatable({ link = link, max_size = max_size, first = 1, last = 0, messages = {},
        readers = queue.new(), senders = queue.new(), peer = nil }, metatable)
end

local function count(self)
    return self.last - self.first + 1
end

local function wake(self)
    select_module.wake_all(self.readers)
    select_module.wake_all(self.senders)
end

local function take(self)
    local message = self.messages[self.first]
    self.messages[self.first] = nil
    self.first = self.first + 1
    select_module.wake_all(self.senders)
    return message.bytes, message.kind
end

function methods:receive()
    while count(self) == 0 do
        if self.link.code then
            return nil, "closed", self.link.code, self.link.reason
        end
        local is_there, why = queue.wait(self.readers, "websocket receive")
        if not is_there then
            return nil, why
        end
    end
    return take(self)
end

local function await_room(self)
    while not self.link.code and count(self) >= MAX_WAITING do
        local is_there, why = queue.wait(self.senders, "websocket send")
        if not is_there then
            return nil, why
        end
    end
    return not self.link.code or nil, "closed"
end

function methods:send(kind, bytes)
    if kind == "text" and not is_text(bytes) then
        return nil, "invalid"
    end
    local peer = self.peer
    local is_there, why = await_room(peer)
    if not is_there then
        return nil, why
    elseif #bytes > peer.max_size then
        return peer:close(TOO_LARGE, "")
    end
    peer.last = peer.last + 1
    peer.messages[peer.last] = { bytes = bytes, kind = kind }
    select_module.wake_all(peer.readers)
    return true
end

function methods:ping()
    return not self.link.code or nil, "closed"
end

function methods:close(code, reason)
    local link = self.link
    if not is_close_code(code) or #reason > MAX_REASON_SIZE or not is_text(reason) then
        return nil, "invalid"
    elseif link.code then
        return nil, "closed"
    end
    link.code, link.reason = code, reason
    wake(self)
    wake(self.peer)
    return true
end

function methods:finish(code)
    self:close(code, "")
end

function methods:poll()
    return count(self) > 0 or self.link.code ~= nil
end

function methods:subscribe(waiter)
    queue.push(self.readers, waiter)
end

function methods.unsubscribe(_, waiter)
    queue.remove(waiter)
end

--- Makes both ends. The service takes messages of at most `max_size` bytes.
-- @return the service's transport, and the socket of the client, which sent `request` and got
-- `protocol` or nil
function websocket.pair(max_size, request, protocol)
    local link = {}
    local service, client = new_end(link, max_size), new_end(link, math.huge)
    service.peer, client.peer = client, service
    return service, http_websocket.over(client, request, protocol)
end

return websocket
