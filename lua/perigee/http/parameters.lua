--- Values with parameters: `form-data; name="a"; filename="b.txt"`, `text/html; charset=utf-8`.
local parameters = {}

local TOKEN = "[%w!#$%%&'*+.^_`|~-]+"

--- The quoted string at `from` and the position behind it. Only `\"` and `\\` are escapes: browsers
-- send file names with bare backslashes.
local function quoted_string(text, from)
    local pieces, position = {}, from + 1
    while true do
        local stop = text:find('["\\]', position)
        if not stop then
            return nil
        end
        pieces[#pieces + 1] = text:sub(position, stop - 1)
        if text:sub(stop, stop) == '"' then
            return table.concat(pieces), stop + 1
        end
        local escaped = text:match('^["\\]', stop + 1)
        pieces[#pieces + 1] = escaped or "\\"
        position = stop + (escaped and 2 or 1)
    end
end

local function value_at(text, from)
    if text:sub(from, from) == '"' then
        return quoted_string(text, from)
    end
    local first, last = text:find("^" .. TOKEN, from)
    if first then
        return text:sub(first, last), last + 1
    end
end

--- Takes a value and its parameters apart.
-- @return the value and a table of its parameters, both with names in lower case; or nil when it is
-- malformed or names a parameter twice
function parameters.parse(text)
    local value, position = text:match("^%s*([^%s;]+)%s*()")
    if not value then
        return nil
    end
    local found = {}
    while position <= #text do
        local name, value_from = text:match("^;%s*(" .. TOKEN .. ")=()", position)
        local content, behind
        if name then
            content, behind = value_at(text, value_from)
        end
        if not content or found[name:lower()] then
            return nil
        end
        found[name:lower()] = content
        position = text:match("^%s*()", behind)
    end
    return value:lower(), found
end

return parameters
