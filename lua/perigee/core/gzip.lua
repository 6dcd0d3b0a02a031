--- Compression of bytes, in pieces small enough that other services have their turn in between.
local host = require "host"

local gzip = {}
local methods = {}
local metatable = { __index = methods }

local PIECE_SIZE = 32 * 1024

--- Begins a stream of gzip. Returns it; or nil, "full" while too many are under way in this
-- process.
-- @param level 1 (fast) to 9 (small)
function gzip.open(level)
    local box, code = host.deflate_open(level)
    if not box then
        return nil, code
    end
    return setmetatable({ box = box }, metatable)
end

--- Begins the way back: a reader with write(bytes), read() and close(), see gunzip_open of the
-- seam. Returns it; or nil, "full" while too many are under way in this process.
function gzip.reader()
    local reader, code = host.gunzip_open()
    return reader, code
end

--- The compressed form of `bytes`, as far as it is ready.
-- @param mode "flush": all of it; "end": all, and the end of the stream, which is closed then
function methods:write(bytes, mode)
    local parts, position = {}, 1
    repeat
        local last = position + PIECE_SIZE - 1
        parts[#parts + 1] = self.box:write(bytes:sub(position, last),
            last >= #bytes and mode or "more")
        position = last + 1
    until position > #bytes
    return table.concat(parts)
end

--- Gives it up before its end.
function methods:close()
    self.box:close()
end

return gzip
