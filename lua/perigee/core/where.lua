--- Places in source text, as "file:line": where a call was made, where a function is defined.
-- Internal: it needs `debug`, which services do not have.
local getinfo = debug.getinfo

local where = {}

-- Not short_src, which cuts long paths.
local function file_of(info)
    return info.source:match("^@(.*)") or info.short_src
end

--- Where a function is defined; "?" when it is none of Lua's.
function where.of(target)
    local info = type(target) == "function" and getinfo(target, "S")
    if not info or info.what == "C" then
        return "?"
    end
    return file_of(info) .. ":" .. info.linedefined
end

--- Where the function at `level` is now: 1, the default, is the caller of `where`, 2 its caller.
-- Nil for a C function and for one that was replaced by a tail call.
local function place(_, level)
    local info = getinfo((level or 1) + 1, "Sl")
    if not info or info.currentline < 0 then
        return nil
    end
    return file_of(info) .. ":" .. info.currentline
end

--- The folder of the file that the function at `level` is written in, as `where` counts; "." when
-- it is in none.
function where.folder(level)
    local info = getinfo((level or 1) + 1, "S")
    return info and file_of(info):match("^(.+)/[^/]*$") or "."
end

return setmetatable(where, { __call = place })
