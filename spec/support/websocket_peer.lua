--- The client's side of a WebSocket, frame by frame, over a bare stream: it says what it is told,
-- right or wrong.
local bit = require "bit"
local perigee = require "perigee"

local websocket_peer = {}
local methods = {}
local metatable = { __index = methods }

local TIMEOUT_S = 20
local MASK = { 0x12, 0x34, 0x56, 0x78 }

websocket_peer.KEY = "dGhlIHNhbXBsZSBub25jZQ=="

websocket_peer.TEXT, websocket_peer.BINARY, websocket_peer.CLOSE = 1, 2, 8
websocket_peer.PING, websocket_peer.PONG = 9, 10

--- The lines of a handshake for `target`; `fields` replaces or, with false, leaves out some.
function websocket_peer.handshake(target, fields)
    local all = { Host = "x", Upgrade = "websocket", Connection = "Upgrade",
        ["Sec-WebSocket-Key"] = websocket_peer.KEY, ["Sec-WebSocket-Version"] = "13" }
    for name, value in pairs(fields or {}) do
        all[name] = value
    end
    local lines = { ("GET %s HTTP/1.1\r\n"):format(target) }
    for name, value in pairs(all) do
        if value then
            lines[#lines + 1] = ("%s: %s\r\n"):format(name, value)
        end
    end
    return table.concat(lines) .. "\r\n"
end

local function encode_length(size)
    if size < 126 then
        return string.char(128 + size)
    elseif size < 65536 then
        return string.char(128 + 126, math.floor(size / 256), size % 256)
    end
    local bytes = {}
    for i = 7, 0, -1 do
        bytes[#bytes + 1] = string.char(math.floor(size / 256 ^ i) % 256)
    end
    return string.char(128 + 127) .. table.concat(bytes)
end

local function mask(payload)
    local bytes = {}
    for i = 1, #payload do
        bytes[i] = string.char(bit.bxor(payload:byte(i), MASK[(i - 1) % 4 + 1]))
    end
    return table.concat(bytes)
end

--- One frame as a client sends it; `first` is its first byte, 128 + opcode for a whole message.
function websocket_peer.frame(first, payload)
    return string.char(first) .. encode_length(#payload) .. string.char(unpack(MASK))
        .. mask(payload)
end

--- Shakes hands over `stream`, which it takes over. The answer's head is in `head`.
function websocket_peer.open(stream, target, fields)
    local self = setmetatable({ stream = stream, input = "" }, metatable)
    stream:write(websocket_peer.handshake(target, fields))
    self.head = self:take(function(input)
        local _, last = input:find("\r\n\r\n", 1, true)
        return last
    end)
    return self
end

--- Reads until `measure(input)` says how many bytes to take. Nil at the end of the connection.
function methods:take(measure)
    local deadline = perigee.now() + TIMEOUT_S
    local size = measure(self.input)
    while not size or size > #self.input do
        local bytes = self.stream:read(deadline)
        if not bytes then
            return nil
        end
        self.input = self.input .. bytes
        size = measure(self.input)
    end
    local taken = self.input:sub(1, size)
    self.input = self.input:sub(size + 1)
    return taken
end

local function head_of(input)
    local second = input:byte(2)
    local extra = second and ({ [126] = 2, [127] = 8 })[second % 128] or 0
    if not second or #input < 2 + extra then
        return nil
    elseif extra == 0 then
        return 2, second
    end
    local size = 0
    for i = 3, 2 + extra do
        size = size * 256 + input:byte(i)
    end
    return 2 + extra, size
end

--- The next frame: its opcode, payload and first byte; nil at the end of the connection.
function methods:read()
    local head_size, size
    local frame = self:take(function(input)
        head_size, size = head_of(input)
        return head_size and head_size + size
    end)
    if frame then
        return frame:byte(1) % 16, frame:sub(head_size + 1), frame:byte(1)
    end
    return nil
end

--- Sends a whole frame.
function methods:write(opcode, payload)
    return self.stream:write(websocket_peer.frame(128 + opcode, payload))
end

--- Sends bytes as they are.
function methods:write_raw(bytes)
    return self.stream:write(bytes)
end

--- Sends a close frame.
function methods:write_close(code, reason)
    return self:write(websocket_peer.CLOSE,
        string.char(math.floor(code / 256), code % 256) .. (reason or ""))
end

--- Reads frames until a close frame: its code and reason; nil when the connection ended before.
function methods:read_close()
    local opcode, payload = self:read()
    while opcode and opcode ~= websocket_peer.CLOSE do
        opcode, payload = self:read()
    end
    if not opcode then
        return nil
    elseif #payload < 2 then
        return 1005, ""
    end
    return payload:byte(1) * 256 + payload:byte(2), payload:sub(3)
end

function methods:close()
    self.stream:close()
end

return websocket_peer
