--- The lines of a message head or of a trailer section, cut out of bytes that come in pieces.
-- A line ends with CRLF and with nothing else. The size of all lines and the number of fields in
-- them are the peer's choice, so both are bounded.
local headers = require "perigee.http.headers"

local byte, concat, find, sub = string.byte, table.concat, string.find, string.sub

local EXCERPT_SIZE = 60

local methods = {}
local metatable = { __index = methods }

local message_lines = {}

--- Makes a reader of lines with at most `max_size` bytes and `max_fields` fields.
function message_lines.new(max_size, max_fields)
    return setmetatable({
        pieces = {}, -- of the line that is not complete yet
        max_size = max_size,
        max_fields = max_fields,
        room = max_size,
        field_room = max_fields,
    }, metatable)
end

--- The start of what a peer sent, fit for a message to people.
function message_lines.excerpt(text)
    local cut = #text > EXCERPT_SIZE and sub(text, 1, EXCERPT_SIZE) .. "..." or text
    return (cut:gsub("%c", "?"))
end

-- Returns the line that ends in `bytes`, or false when it goes on in bytes to come, and the
-- position behind; or nil, code, detail.
local function cut_line(self, bytes, position)
    local newline = find(bytes, "\n", position, true)
    local last = newline or #bytes
    self.room = self.room - (last - position + 1)
    if self.room < 0 then
        return nil, "too_large", ("the lines are larger than %d bytes"):format(self.max_size)
    end
    local pieces = self.pieces
    pieces[#pieces + 1] = sub(bytes, position, last)
    if not newline then
        return false, last + 1
    end
    local line = concat(pieces)
    self.pieces = {}
    if sub(line, -2) ~= "\r\n" then
        return nil, "invalid", ('the line "%s" does not end with CRLF'):format(
            message_lines.excerpt(sub(line, 1, -2)))
    end
    return sub(line, 1, -3), last + 1
end

--- Takes bytes of one line, from `position` on, and hands the line over when it is complete.
-- @param on_line function(owner, line) -> true | nil, code, detail
-- @return the position behind what was taken; or nil, code, detail
function methods:feed(bytes, position, on_line, owner)
    local line, behind, detail = cut_line(self, bytes, position)
    if line == nil then
        return nil, behind, detail
    end
    if line then
        local is_ok, code, reason = on_line(owner, line)
        if not is_ok then
            return nil, code, reason
        end
    end
    return behind
end

--- Gives room back: for `size` bytes of lines that are bounded by something else.
function methods:refund(size)
    self.room = self.room + size
end

local function is_blank(code)
    return code == 32 or code == 9
end

-- Loops, because a pattern that trims the end takes quadratic time on a long run of blanks.
local function trim(text, first)
    local last = #text
    while first <= last and is_blank(byte(text, first)) do
        first = first + 1
    end
    while last >= first and is_blank(byte(text, last)) do
        last = last - 1
    end
    return sub(text, first, last)
end

--- Takes a field line apart. Returns name and value; or nil, code, detail.
function methods:parse_field(line)
    self.field_room = self.field_room - 1
    if self.field_room < 0 then
        return nil, "too_large", ("there are more than %d fields"):format(self.max_fields)
    end
    local colon = find(line, ":", 1, true)
    local name = colon and sub(line, 1, colon - 1)
    local value = colon and trim(line, colon + 1)
    if not colon or headers.problem(name, value) then
        return nil, "invalid",
            ('the field line "%s" is malformed'):format(message_lines.excerpt(line))
    end
    return name, value
end

return message_lines
