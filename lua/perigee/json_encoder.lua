--- Values to JSON text, for perigee.json. Written here and not left to lua-cjson, because that
-- prints at most 14 digits, which changes large integers and many fractions, and cannot say which
-- value it refused.
local byte, concat, find, format, gsub, match =
    string.byte, table.concat, string.find, string.format, string.gsub, string.match

local MAX_HOLES = 8 -- of a list, beyond as many holes as it has values
local MAX_INTEGER = 2 ^ 53
local MAX_PATH_SIZE = 80 -- in a detail
local MAX_QUOTED_KEYS = 1000
local MAX_QUOTED_KEY_SIZE = 64
local MAX_SPARE_SIZE = 16384

local json_encoder = {
    --- Tables and lists inside each other.
    MAX_DEPTH = 128,
    --- The metatable of tables that are arrays even when they are empty.
    array_mark = { __name = "json.array" },
    --- Stands for null.
    null = require("cjson").null,
}

local array_mark, null = json_encoder.array_mark, json_encoder.null

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }
for code = 0, 31 do
    escapes[string.char(code)] = ("\\u%04x"):format(code)
end
for letter, character in pairs { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" } do
    escapes[character] = "\\" .. letter
end

-- A loop, because LuaJIT compiles it; it does not compile pattern matching.
local function is_plain(text)
    for i = 1, #text do
        local code = byte(text, i)
        if code < 32 or code == 34 or code == 92 then
            return false
        end
    end
    return true
end

local function quote(text)
    if not is_plain(text) then
        text = gsub(text, '[%z\1-\31"\\]', escapes)
    end
    return '"' .. text .. '"'
end

-- The keys of answers are few and come again with each one.
local quoted_keys, quoted_key_count = {}, 0

local function quote_key(key)
    local quoted = quoted_keys[key]
    if quoted then
        return quoted
    end
    quoted = quote(key) .. ":"
    if #key <= MAX_QUOTED_KEY_SIZE then
        if quoted_key_count == MAX_QUOTED_KEYS then
            quoted_keys, quoted_key_count = {}, 0
        end
        quoted_keys[key], quoted_key_count = quoted, quoted_key_count + 1
    end
    return quoted
end

--- A text that reads back as the same number, of 14 digits where they suffice; or nil and why there
-- is none.
local function number_text(number)
    if number % 1 == 0 and number >= -MAX_INTEGER and number <= MAX_INTEGER then
        return format("%d", number)
    end
    if number - number ~= 0 then
        return nil, number ~= number and "is NaN" or "is infinite"
    end
    for digits = 14, 16 do
        local text = format("%." .. digits .. "g", number)
        if tonumber(text) == number then
            return text
        end
    end
    return format("%.17g", number)
end

-- A writer appends the pieces of one value to `out` behind index `n` and returns the new last
-- index; or nil, what is wrong, and the path of the value it is wrong with.
local write

local function write_object(object, out, n, depth)
    local separator = "{"
    for key, value in next, object do
        if type(key) ~= "string" then
            return nil, ("has the key %s among named ones; use string keys")
                :format(tostring(key)), ""
        end
        out[n + 1], out[n + 2] = separator, quote_key(key)
        local last, problem, path = write(value, out, n + 2, depth)
        if not last then
            local step = find(key, "^[%a_][%w_]*$") and "." .. key or "[" .. quote(key) .. "]"
            return nil, problem, step .. path
        end
        n, separator = last, ","
    end
    out[n + 1] = "}"
    return n + 1
end

--- The last index of a list; or nil and why the table is none.
local function list_length(list)
    local count, last = 0, 0
    for key in next, list do
        if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
            return nil, ("is a list with the key %s; use string keys only, or none")
                :format(type(key) == "string" and quote(key) or tostring(key))
        end
        count, last = count + 1, key > last and key or last
    end
    if last > 2 * count + MAX_HOLES then
        return nil, ("is a sparse list (values: %d, last index: %.14g); use string keys")
            :format(count, last)
    end
    return last
end

local function write_list(list, out, n, depth)
    local length, problem = list_length(list)
    if not length then
        return nil, problem, ""
    end
    local separator = "["
    for i = 1, length do
        local value = rawget(list, i)
        out[n + 1] = separator
        local last, failure, path = write(value == nil and null or value, out, n + 1, depth)
        if not last then
            return nil, failure, "[" .. i .. "]" .. path
        end
        n, separator = last, ","
    end
    out[n + 1] = "]"
    return n + 1
end

local function write_table(value, out, n, depth)
    if depth == json_encoder.MAX_DEPTH then
        return nil, ("is nested deeper than %d tables"):format(depth), ""
    end
    local first = next(value)
    if first == nil then
        out[n + 1] = getmetatable(value) == array_mark and "[]" or "{}"
        return n + 1
    end
    local is_list = rawget(value, 1) ~= nil or type(first) == "number"
        or getmetatable(value) == array_mark
    return (is_list and write_list or write_object)(value, out, n, depth + 1)
end

-- The digits of an int64 or uint64 (`9007199254740993LL`).
local function cdata_text(value)
    local digits = match(tostring(value), "^(%-?%d+)U?LL$")
    if not digits then
        return nil, "is a cdata"
    end
    return digits
end

local scalar_texts = {
    string = quote, number = number_text, boolean = tostring, cdata = cdata_text,
}

local function null_text(value)
    if value == null then
        return "null"
    end
    return nil, "is a " .. type(value)
end

function write(value, out, n, depth)
    local kind = type(value)
    if kind == "table" then
        return write_table(value, out, n, depth)
    end
    local text, problem = (scalar_texts[kind] or null_text)(value)
    if not text then
        return nil, problem, ""
    end
    out[n + 1] = text
    return n + 1
end

-- Taken while in use, so that two tasks never share it.
local spare_pieces

--- The text of a string, of a number (nil and why when it has none).
json_encoder.quote, json_encoder.number_text = quote, number_text

--- Encodes a value, see perigee.json.
-- @param name what the detail calls the value; "value" by default
-- @return the text; or nil, "invalid", detail
function json_encoder.encode(value, name)
    local out = spare_pieces or {}
    spare_pieces = nil
    local n, problem, path = write(value, out, 0, 0)
    if not n then
        if #path > MAX_PATH_SIZE then
            path = path:sub(1, MAX_PATH_SIZE) .. "..."
        end
        return nil, "invalid", (name or "value") .. path .. " " .. problem
    end
    local text = concat(out, "", 1, n)
    if #text <= MAX_SPARE_SIZE then
        spare_pieces = out
    end
    return text
end

return json_encoder
