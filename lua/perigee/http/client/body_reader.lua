--- The content of one response body, out of bytes that come in pieces: of a known size, in the
-- chunked coding (RFC 9112 7.1), or until the connection ends. Which of them it is, is not decided
-- here but in perigee.http.client.framing.
local message_lines = require "perigee.http.client.message_lines"

local byte, concat, min, sub = string.byte, table.concat, math.min, string.sub

local MAX_FRAMING_SIZE = 64 * 1024 -- chunk extensions and trailers together
local MAX_TRAILERS = 200
local MAX_SIZE_DIGITS = 16

-- A piece may be a single byte, and a string costs more than that: this many become one.
local JOINED_PIECES = 256

local CR, LF = 13, 10

local methods = {}
local metatable = { __index = methods }

local body_reader = {}

local function keep(self, piece)
    local pieces = self.pieces
    pieces[#pieces + 1] = piece
    if #pieces == JOINED_PIECES then
        self.blocks[#self.blocks + 1] = concat(pieces)
        self.pieces = {}
    end
end

local function too_large(self)
    return nil, "too_large", ("the body is larger than %d bytes"):format(self.max_size)
end

-- Takes what is there of the `remaining` bytes. Returns the position behind it.
local function keep_content(self, bytes, position)
    local last = min(#bytes, position + self.remaining - 1)
    keep(self, sub(bytes, position, last))
    self.remaining = self.remaining - (last - position + 1)
    return last + 1
end

-- The states, as feed below. A complete body has none.

local function read_sized(self, bytes, position)
    local behind = keep_content(self, bytes, position)
    if self.remaining == 0 then
        self.state = nil
    end
    return behind
end

local function read_until_close(self, bytes, position)
    self.room = self.room - (#bytes - position + 1)
    if self.room < 0 then
        return too_large(self)
    end
    keep(self, sub(bytes, position))
    return #bytes + 1
end

local function read_lines(self, bytes, position)
    return self.lines:feed(bytes, position, self.on_line, self)
end

local function read_byte(self, bytes, position, wanted, next_state)
    if byte(bytes, position) ~= wanted then
        return nil, "invalid", "a chunk is not followed by CRLF"
    end
    self.state = next_state
    return position + 1
end

local function read_chunk_lf(self, bytes, position)
    return read_byte(self, bytes, position, LF, read_lines)
end

local function read_chunk_cr(self, bytes, position)
    return read_byte(self, bytes, position, CR, read_chunk_lf)
end

local function read_chunk(self, bytes, position)
    local behind = keep_content(self, bytes, position)
    if self.remaining == 0 then
        self.state = read_chunk_cr
    end
    return behind
end

local function take_trailer_line(self, line)
    if line == "" then
        self.state = nil
        return true
    end
    local name, value, detail = self.lines:parse_field(line)
    if not name then
        return nil, value, detail
    end
    self.trailers[#self.trailers + 1] = ("%s: %s\r\n"):format(name, value)
    return true
end

-- Extensions mean nothing to this client: they are skipped, and only must not hide a line's end.
local function is_extension(text)
    return text == "" or text:find("^[ \t]*;[^%z\1-\8\10-\31\127]*$") ~= nil
end

local function take_chunk_line(self, line)
    local digits, extension = line:match("^(%x+)(.*)$")
    if not digits or #digits > MAX_SIZE_DIGITS or not is_extension(extension) then
        return nil, "invalid",
            ('the chunk line "%s" is malformed'):format(message_lines.excerpt(line))
    end
    self.lines:refund(#digits + 2)
    self.remaining = tonumber("0x" .. digits)
    if self.remaining > self.room then
        return too_large(self)
    end
    self.room = self.room - self.remaining
    if self.remaining == 0 then
        self.on_line = take_trailer_line
    else
        self.state = read_chunk
    end
    return true
end

local function new(state, max_size, remaining)
    return setmetatable({
        state = state,
        max_size = max_size,
        room = max_size,
        remaining = remaining, -- of the body or chunk whose size is known
        pieces = {},           -- of the content; full ones are joined into blocks
        blocks = {},
        lines = nil,           -- of the chunked coding, and what becomes of the next of them
        on_line = nil,
        trailers = nil,        -- their lines, of the chunked coding
    }, metatable)
end

--- Makes a reader of a body with `size` bytes; or returns nil, "too_large", detail.
function body_reader.sized(size, max_size)
    if size > max_size then
        return too_large({ max_size = max_size })
    end
    return new(size > 0 and read_sized or nil, max_size, size)
end

--- Makes a reader of a chunked body.
function body_reader.chunked(max_size)
    local self = new(read_lines, max_size)
    self.lines = message_lines.new(MAX_FRAMING_SIZE, MAX_TRAILERS)
    self.on_line, self.trailers = take_chunk_line, {}
    return self
end

--- Makes a reader of a body that ends with its connection.
function body_reader.until_close(max_size)
    return new(read_until_close, max_size)
end

--- Takes some bytes from `position` on; not to be called when the body is complete.
-- @return the position behind what was taken; or nil, code, detail
function methods:feed(bytes, position)
    return self.state(self, bytes, position)
end

function methods:is_complete()
    return self.state == nil
end

--- True when the end of the connection is the end of the body.
function methods:ends_with_connection()
    return self.state == read_until_close
end

--- The lines of the trailer fields; "" when there are none.
function methods:trailer_lines()
    return self.trailers and concat(self.trailers) or ""
end

--- All content so far.
function methods:text()
    return concat(self.blocks) .. concat(self.pieces)
end

--- The content that was not taken before.
function methods:take()
    local text = self:text()
    self.pieces, self.blocks = {}, {}
    return text
end

return body_reader
