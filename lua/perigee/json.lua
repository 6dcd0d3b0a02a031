--- JSON text (RFC 8259). Decoding is lua-cjson's, encoding perigee.json_encoder's.
local json_encoder = require "perigee.json_encoder"

local cjson = require("cjson").new()
cjson.decode_max_depth(json_encoder.MAX_DEPTH)
cjson.decode_invalid_numbers(false)

local find = string.find

local json = {
    --- Stands for JSON's null, which a Lua table cannot hold as nil.
    null = json_encoder.null,
    --- Like `encode`, for values of others: returns the text; or nil, "invalid" and a detail such
    -- as "value.items[3].callback is a function".
    try_encode = json_encoder.encode,
}

--- Encodes a table, string, number, int64, uint64, boolean or `json.null`. A table with the key 1,
-- or whose keys are numbers, becomes an array, its few holes null; any other an object, also the
-- empty one: see `json.array`. The order of an object's members is not defined. Strings are sent as
-- the bytes they are. Metatables are not looked at.
-- @param name what a message calls the value; "value" by default
-- @return the text; an error in the caller's line names what cannot be encoded
function json.encode(value, name)
    local text, _, detail = json_encoder.encode(value, name)
    if not text then
        error(detail, 2)
    end
    return text
end

local token_names = {
    T_ARR_BEGIN = "'['", T_ARR_END = "']'", T_OBJ_BEGIN = "'{'", T_OBJ_END = "'}'",
    T_COLON = "':'", T_COMMA = "','", T_STRING = "a string", T_NUMBER = "a number",
    T_BOOLEAN = "a boolean", T_NULL = "null", T_END = "the end",
}

-- Line and column of a byte.
local function place_of(text, position)
    local before = text:sub(1, position - 1)
    local _, line_ends = before:gsub("\n", "")
    return ("line %d, column %d"):format(line_ends + 1, #before:match("[^\n]*$") + 1)
end

--- cjson's message with words for its token names, and line and column for its byte position; nil
-- when the text is not to blame.
local function decode_detail(text, message)
    local what, position = message:match("^(.*) at character (%d+)$")
    if not what then
        return message:find("UTF-16", 1, true) and message or nil
    end
    return what:gsub("T_[%u_]+", token_names) .. " at " .. place_of(text, tonumber(position))
end

--- Decodes one JSON text. Null becomes `json.null`; arrays and objects become plain tables, so that
-- an empty array and an empty object are the same.
-- @return the value; or nil, "invalid", detail with line and column
function json.decode(text)
    if type(text) ~= "string" then
        error("json.decode takes a string, not " .. type(text), 2)
    end
    local is_valid, result = pcall(cjson.decode, text)
    local zero = is_valid and find(text, "\0", 1, true) -- to cjson it ends the text
    if zero then
        return nil, "invalid", "Expected the end but found a zero byte at " .. place_of(text, zero)
    elseif is_valid then
        return result
    end
    local detail = decode_detail(text, result)
    if not detail then
        error(result, 0) -- out of memory
    end
    return nil, "invalid", detail
end

--- Marks a table as an array, so that it becomes `[]` when it is empty.
-- @param list the table; a new one by default
-- @return the table
function json.array(list)
    list = list or {}
    local mark = getmetatable(list)
    if mark ~= nil and mark ~= json_encoder.array_mark then
        error("json.array takes a table without a metatable", 2)
    end
    return setmetatable(list, json_encoder.array_mark)
end

return json
