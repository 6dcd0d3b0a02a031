--- Follows the frames of one direction of a WebSocket (RFC 6455 5.2) that passes through: where one
-- ends, so that another may be put behind it, and how large a message becomes. What is in them is
-- the business of the two ends. Pure.
local byte, min, sub = string.byte, math.min, string.sub

local CONTINUATION, CLOSE, FIRST_CONTROL = 0, 8, 8
local MASK_SIZE = 4

-- A length that is no length says how many bytes the length has that follows.
local EXTRA_SIZES = { [126] = 2, [127] = 8 }
local MAX_CONTROL_SIZE = 125

local methods = {}
local metatable = { __index = methods }

local websocket_frames = {}

--- Makes a follower.
-- @param max_message bytes of one message, as they are sent
function websocket_frames.new(max_message)
    return setmetatable({
        max_message = max_message,
        message_size = 0,   -- of the message under way, so far
        remaining = 0,      -- of the payload under way
        held = "",          -- the begin of a head that is not complete
        has_closed = false, -- a close frame has passed
    }, metatable)
end

-- The big-endian number at `position`, exact as far as it is of interest.
local function number_at(bytes, position, size)
    local number = 0
    for i = position, position + size - 1 do
        number = number * 256 + byte(bytes, i)
    end
    return number
end

-- Returns the size of the head at `position` and of its payload; nothing when it is not complete.
local function measure(bytes, position)
    local second = byte(bytes, position + 1)
    if not second then
        return nil
    end
    local extra = EXTRA_SIZES[second % 128] or 0
    local head_size = 2 + extra + (second >= 128 and MASK_SIZE or 0)
    if position + head_size - 1 > #bytes then
        return nil
    end
    return head_size, extra > 0 and number_at(bytes, position + 2, extra) or second % 128
end

-- Takes a frame into account. Returns whether it may pass.
local function admit(self, first, size)
    local opcode = first % 16
    if opcode >= FIRST_CONTROL then
        self.has_closed = self.has_closed or opcode == CLOSE
        return size <= MAX_CONTROL_SIZE
    end
    local before = opcode == CONTINUATION and self.message_size or 0
    self.message_size = before + size
    return self.message_size <= self.max_message
end

-- Returns the position behind the head at `position`; or nil, and whether it must not pass rather
-- than is not complete.
local function read_head(self, bytes, position)
    local head_size, size = measure(bytes, position)
    if not head_size then
        return nil, false
    elseif not admit(self, byte(bytes, position), size) then
        return nil, true
    end
    self.remaining = size
    return position + head_size
end

local function skip_payload(self, bytes, position)
    local size = min(self.remaining, #bytes - position + 1)
    self.remaining = self.remaining - size
    return position + size
end

--- Takes bytes as they come.
-- @return those that may pass now, which end inside a payload or between two frames; and
-- "too_large" when the frame behind them must not, after which nothing may
function methods:pass(bytes)
    if self.held ~= "" then
        bytes, self.held = self.held .. bytes, ""
    end
    local position = skip_payload(self, bytes, 1)
    while position <= #bytes do
        local behind, is_refused = read_head(self, bytes, position)
        if not behind then
            self.held = is_refused and "" or sub(bytes, position)
            return sub(bytes, 1, position - 1), is_refused and "too_large" or nil
        end
        position = skip_payload(self, bytes, behind)
    end
    return bytes
end

--- Of the bytes that come next those that belong to the frame under way; what is behind is dropped.
function methods:finish_frame(bytes)
    return sub(bytes, 1, skip_payload(self, bytes, 1) - 1)
end

--- True when no frame is under way in what has passed.
function methods:is_between()
    return self.remaining == 0
end

--- A close frame of the server's side.
function websocket_frames.close(code)
    return string.char(128 + CLOSE, 2, math.floor(code / 256), code % 256)
end

return websocket_frames
