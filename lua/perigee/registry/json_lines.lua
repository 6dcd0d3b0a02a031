--- Splits a stream of bytes into JSON objects that stand one on a line, the last perhaps without a
-- line's end.
local buffer = require "string.buffer"

local MAX_LINE_SIZE = 64 * 1024 * 1024

local methods = {}
local metatable = { __index = methods }

local json_lines = {}

--- Makes a splitter.
function json_lines.new()
    return setmetatable({ rest = buffer.new() }, metatable)
end

--- Takes bytes. Returns the list of lines they complete; or nil, "too_large".
function methods:push(bytes)
    local lines, first = {}, 1
    while true do
        local line_end = bytes:find("\n", first, true)
        if not line_end then
            break
        end
        local line = self.rest:put(bytes:sub(first, line_end - 1)):get()
        if line ~= "" then
            lines[#lines + 1] = line
        end
        first = line_end + 1
    end
    self.rest:put(bytes:sub(first))
    if #self.rest > MAX_LINE_SIZE then
        return nil, "too_large"
    end
    return lines
end

--- What is left at the end of the stream; nil when nothing is.
function methods:finish()
    local line = self.rest:get()
    return line ~= "" and line or nil
end

return json_lines
