--- Reads source trees for the gates in tools/: files, lines, and Lua code without its comments.
local source = {}

--- Paths of all files below `folder` whose names end in one of `suffixes`: sorted, and relative to
-- `root`, which `folder` is relative to as well.
function source.files(root, folder, suffixes)
    local paths = {}
    local command = "cd '%s' && find '%s' -type f 2>/dev/null | LC_ALL=C sort"
    local find = io.popen(command:format(root, folder))
    for path in find:lines() do
        for _, suffix in ipairs(suffixes) do
            if path:sub(-#suffix) == suffix then
                paths[#paths + 1] = path
            end
        end
    end
    find:close()
    return paths
end

function source.read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

--- Iterates over number and text of each line.
function source.lines(text)
    local number = 0
    local next_line = text:gsub("\n$", ""):gmatch("([^\n]*)\n?")
    return function()
        local line = next_line()
        number = number + 1
        return line and number, line
    end
end

-- The end of the quoted string that begins at `from`.
local function end_of_quotes(text, from)
    local quote, at = text:sub(from, from), from + 1
    while at <= #text and text:sub(at, at) ~= quote do
        at = at + (text:sub(at, at) == "\\" and 2 or 1)
    end
    return at
end

-- The end of the comment or string that begins at `from`, or `from` when none begins there.
local function end_of_token(text, from)
    local level = text:match("^%-%-%[(=*)%[", from) or text:match("^%[(=*)%[", from)
    if level then
        return select(2, text:find("]" .. level .. "]", from, true)) or #text
    elseif text:find("^%-%-", from) then
        return (text:find("\n", from, true) or #text + 1) - 1
    elseif text:find("^[\"']", from) then
        return end_of_quotes(text, from)
    end
    return from
end

--- The Lua code `text` with blanks for comments, and for the content of strings unless
-- `keep_strings`; lines keep their numbers.
function source.lua_code(text, keep_strings)
    local parts, from = {}, 1
    while from <= #text do
        local start = text:find("[%-%[\"']", from)
        if not start then
            break
        end
        parts[#parts + 1] = text:sub(from, start - 1)
        local stop = end_of_token(text, start)
        local token = text:sub(start, stop)
        local is_comment = token:find("^%-%-")
        if stop > start and (is_comment or not keep_strings) then
            token = token:gsub("[^\n]", " ")
        end
        parts[#parts + 1] = token
        from = stop + 1
    end
    parts[#parts + 1] = text:sub(from)
    return table.concat(parts)
end

return source
