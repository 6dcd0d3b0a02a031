--- Frames on a byte stream: a length of four bytes, lowest first, then as many bytes. Pure.
local frame = {}
local methods = {}
local metatable = { __index = methods }

local MAX_SIZE = 64 * 1024 * 1024

function frame.encode(bytes)
    local size = #bytes
    if size > MAX_SIZE then
        error(("a frame of %d bytes is larger than %d"):format(size, MAX_SIZE), 2)
    end
    return string.char(size % 256, math.floor(size / 256) % 256, math.floor(size / 65536) % 256,
        math.floor(size / 16777216)) .. bytes
end

function frame.decoder()
    return setmetatable({ parts = {}, size = 0 }, metatable)
end

function methods:push(bytes)
    self.parts[#self.parts + 1] = bytes
    self.size = self.size + #bytes
end

local function join(self)
    local bytes = table.concat(self.parts)
    self.parts = { bytes }
    return bytes
end

--- The next complete frame; nil when more bytes are needed; nil, "too_large" when the peer is not
-- to be believed.
function methods:next()
    if self.size < 4 or (self.due and self.size < self.due) then
        return nil
    end
    local bytes = join(self)
    local a, b, c, d = bytes:byte(1, 4)
    local size = a + b * 256 + c * 65536 + d * 16777216
    if size > MAX_SIZE then
        return nil, "too_large"
    end
    self.due = size + 4
    if self.size < self.due then
        return nil
    end
    self.parts = { bytes:sub(self.due + 1) }
    self.size = self.size - self.due
    self.due = nil
    return bytes:sub(5, size + 4)
end

return frame
