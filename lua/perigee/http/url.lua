--- Percent-encoding, paths and queries (RFC 3986; forms by application/x-www-form-urlencoded). Pure
-- functions of strings. Bytes are not looked at beyond that: UTF-8 or not is the caller's matter.
local byte, char, find, format = string.byte, string.char, string.find, string.format
local gsub, sub = string.gsub, string.sub

local MAX_PAIRS = 1000

local url = {}

local function unescape(digits)
    return char(tonumber(digits, 16))
end

--- Decodes "%XX". A "%" without two hexadecimal digits behind it is refused, never guessed at.
-- @return the bytes; or nil, "invalid"
function url.decode(text)
    if not find(text, "%", 1, true) then
        return text
    end
    if find(text, "%%%X") or find(text, "%%%x%X") or find(text, "%%%x?$") then
        return nil, "invalid"
    end
    return (gsub(text, "%%(%x%x)", unescape))
end

--- Decodes a piece of a query or form, where "+" also stands for a space.
function url.decode_form(text)
    if find(text, "+", 1, true) then
        text = gsub(text, "%+", " ")
    end
    return url.decode(text)
end

local function percent(character)
    return format("%%%02X", byte(character))
end

--- Encodes everything but letters, digits and "-._~": right for a path segment and for a query
-- piece.
function url.encode(text)
    return (gsub(text, "[^%w%-._~]", percent))
end

-- Paths and queries have few pieces, and LuaJIT gives up a trace that meets a loop of few turns,
-- with all that calls it. So each piece is a tail call. Lists have room for four from the start.

-- Adds the segments of `path` from position `from` on.
local function add_segments(segments, count, path, from)
    local slash = find(path, "/", from, true)
    local segment = url.decode(sub(path, from, (slash or 0) - 1))
    if not segment then
        return nil, "invalid"
    end
    segments[count + 1] = segment
    if not slash then
        return segments
    end
    return add_segments(segments, count + 1, path, slash + 1)
end

--- Splits a path at its slashes and then decodes each segment, so that "%2F" stays data.
-- "/a/b" has two segments, "/a/" has "a" and "", "/" has "".
-- @return an array; or nil, "invalid"
function url.split_path(path)
    if byte(path) ~= 47 then
        return nil, "invalid"
    end
    return add_segments({ nil, nil, nil, nil }, 0, path, 2)
end

local function put_last(list, count, name, value)
    list[2 * count + 1], list[2 * count + 2] = name, value
end

local function put_first(values, _, name, value)
    if values[name] == nil then
        values[name] = value
    end
end

-- Puts the pairs of `text` from position `from` on into `target`, where `count` are already.
local function add_pairs(target, put, count, text, from, limit)
    local ampersand = find(text, "&", from, true)
    local piece = sub(text, from, (ampersand or 0) - 1)
    if piece ~= "" then
        if count == limit then
            return nil, "too_large"
        end
        local equals = find(piece, "=", 1, true) or #piece + 1
        local name = url.decode_form(sub(piece, 1, equals - 1))
        local value = url.decode_form(sub(piece, equals + 1))
        if not (name and value) then
            return nil, "invalid"
        end
        put(target, count, name, value)
        count = count + 1
    end
    if not ampersand then
        return target
    end
    return add_pairs(target, put, count, text, ampersand + 1, limit)
end

--- Parses "a=1&b=2&a=3", as in a query or a form body.
-- @param text without the "?"
-- @param max_pairs more are refused; 1000 by default
-- @return the flat array {name, value, name, value, ...} in order; or nil and "invalid" or
-- "too_large"
function url.parse_query(text, max_pairs)
    return add_pairs({ nil, nil, nil, nil }, put_last, 0, text, 1, max_pairs or MAX_PAIRS)
end

--- The same, as the first value of each name.
function url.parse_first_values(text, max_pairs)
    return add_pairs({}, put_first, 0, text, 1, max_pairs or MAX_PAIRS)
end

--- The first value of each name of a flat array {name, value, ...}.
function url.first_values(list)
    local first = {}
    for i = 1, #list, 2 do
        put_first(first, i, list[i], list[i + 1])
    end
    return first
end

--- All values of each name, in order: {a = {"1", "3"}, b = {"2"}}.
function url.all_values(list)
    local all = {}
    for i = 1, #list, 2 do
        local values = all[list[i]] or {}
        all[list[i]] = values
        values[#values + 1] = list[i + 1]
    end
    return all
end

local function append_pair(pieces, name, value)
    local is_integer = type(value) == "number" and value % 1 == 0
    local text = is_integer and format("%.0f", value) or tostring(value)
    pieces[#pieces + 1] = url.encode(name) .. "=" .. url.encode(text)
end

--- Composes a query of a table with string keys; a value that is an array is repeated.
-- The names are sorted, so that equal tables give equal text.
function url.encode_query(values)
    local names, pieces = {}, {}
    for name in pairs(values) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local value = values[name]
        for _, item in ipairs(type(value) == "table" and value or { value }) do
            append_pair(pieces, name, item)
        end
    end
    return table.concat(pieces, "&")
end

return url
