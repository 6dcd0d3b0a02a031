--- Values of declared types as JSON, in the form that Go's encoding/json has: integers in all their
-- digits, bytes as base64, times as RFC 3339, the keys of maps as strings.
local base64 = require "perigee.core.base64"
local int64 = require "perigee.rpc.int64"
local json_encoder = require "perigee.json_encoder"
local json_exact = require "perigee.rpc.json_exact"
local rfc3339 = require "perigee.rpc.rfc3339"
local type_check = require "perigee.rpc.type_check"
local types = require "perigee.rpc.types"
local buffer = require "string.buffer"

local json_values = {}

local null, number_text, quote = json_encoder.null, json_encoder.number_text, json_encoder.quote

-- What has no JSON form, as an error that encode makes its result.
local function refuse(problem)
    error({ problem = problem }, 0)
end

local put

local function put_number(out, value)
    local text, problem = number_text(value)
    out:put(text or refuse("a number that " .. problem))
end

local function put_integer(out, value)
    out:put(int64.text(value))
end

local function put_time(out, value)
    out:put('"', rfc3339.format(value) or refuse("a time whose year has not four digits"), '"')
end

local function put_list(out, value, wanted)
    out:put("[")
    for i = 1, #value do
        out:put(i > 1 and "," or "")
        put(out, value[i], wanted.element)
    end
    out:put("]")
end

local function key_text(key)
    return type(key) == "string" and key or type(key) == "number" and number_text(key)
        or type(key) == "cdata" and int64.text(key) or tostring(key)
end

local function put_map(out, value, wanted)
    local separator = "{"
    for key, item in next, value do
        out:put(separator, quote(key_text(key)), ":")
        put(out, item, wanted.element)
        separator = ","
    end
    out:put(separator == "{" and "{}" or "}")
end

-- Fields that are absent have their zero value, as in Go.
local function put_struct(out, value, wanted)
    local separator = "{"
    for _, field in ipairs(wanted.fields) do
        local item = value[field.name]
        if item == nil or item == null then
            item = types.zero(field.type)
        end
        out:put(separator, quote(field.name), ":")
        put(out, item, field.type)
        separator = ","
    end
    out:put(separator == "{" and "{}" or "}")
end

local function put_any(out, value)
    local text, _, detail = json_encoder.encode(value, "a value that")
    out:put(text or refuse(detail))
end

local writers = {
    bool = function(out, value)
        out:put(tostring(value))
    end,
    int = put_integer, uint = put_integer, float = put_number,
    string = function(out, value)
        out:put(quote(value))
    end,
    bytes = function(out, value)
        out:put('"', base64.encode(value), '"')
    end,
    complex = function()
        refuse "a complex number"
    end,
    time = put_time, any = put_any,
    slice = put_list, array = put_list, map = put_map, struct = put_struct,
    pointer = function(out, value, wanted)
        put(out, value, wanted.element)
    end,
}

-- Puts a value that fits its type; nil and null where a pointer or `any` holds nothing.
function put(out, value, wanted)
    if value == nil or value == null then
        out:put("null")
    else
        writers[wanted.kind](out, value, wanted)
    end
end

--- Encodes a value.
-- @param wanted a type of perigee.rpc.types; nil encodes as perigee.json does
-- @param what the name of the value in messages, "reply" by default
-- @return the text; or nil, "invalid", message
function json_values.encode(wanted, value, what)
    what = what or "reply"
    if not wanted then
        return json_encoder.encode(value, what)
    end
    local is_fit, message = type_check.check_exactly(wanted, value, what)
    if not is_fit then
        return nil, "invalid", message
    end
    local out = buffer.new()
    local is_ok, failure = pcall(put, out, value, wanted)
    if is_ok then
        return out:get()
    elseif type(failure) ~= "table" then
        error(failure, 0)
    end
    return nil, "invalid", ("%s holds %s, which JSON cannot hold"):format(what, failure.problem)
end

local convert

local function convert_elements(value, wanted)
    for key, item in next, value do
        value[key] = convert(item, wanted.element)
    end
    return value
end

-- Keys come as texts; those that are numbers in Lua become numbers.
local function convert_map(value, wanted)
    local kind, converted = wanted.key.kind, {}
    for key, item in next, value do
        if kind ~= "string" then
            local number = kind == "float" and tonumber(key) or type_check.map_key(wanted.key, key)
            key = type(number) == "number" and number or kind == "bool" and key == "true" or key
        end
        converted[key] = convert(item, wanted.element)
    end
    return converted
end

-- Go finds fields without regard to case, where none has the very name.
local function field_names(wanted)
    local names = wanted.folded_names
    if not names then
        names = {}
        for i = #wanted.fields, 1, -1 do
            local name = wanted.fields[i].name
            names[name:lower()] = name
        end
        wanted.folded_names = names
    end
    return names
end

local function convert_struct(value, wanted)
    local converted, folded = {}, {}
    for key, item in next, value do
        local field = wanted.field_named[key]
        local name = not field and type(key) == "string" and field_names(wanted)[key:lower()]
        if name then
            folded[name] = item
        else
            converted[key] = field and convert(item, field.type) or item
        end
    end
    for name, item in next, folded do
        if converted[name] == nil then
            converted[name] = convert(item, wanted.field_named[name].type)
        end
    end
    return converted
end

-- Fits no type, and is called by this name.
local not_base64 = setmetatable({}, { __name = "text that is not base64" })

local converters = {
    bytes = function(value)
        return type(value) == "string" and (base64.decode(value) or not_base64) or value
    end,
    time = function(value)
        return type(value) == "string" and rfc3339.parse(value) or value
    end,
    pointer = function(value, wanted)
        return convert(value, wanted.element)
    end,
}

local table_converters = { slice = convert_elements, array = convert_elements, map = convert_map,
    struct = convert_struct }

-- Whatever cannot be converted stays what it is, and does not pass the check.
function convert(value, wanted)
    if value == null then
        local zero = types.zero(wanted)
        return zero == nil and null or zero
    end
    local converter = type(value) == "table" and table_converters[wanted.kind]
        or converters[wanted.kind]
    return converter and converter(value, wanted) or value
end

--- Makes a value of a type out of what a JSON text has held: `json_values.read` gives it. Members
-- that the type lacks stay; null stands for the zero value. Changes tables.
-- @param what the name of the value in messages, "args" by default
-- @return the value; or nil, "invalid", message
function json_values.fit(wanted, value, what)
    value = convert(value, wanted)
    local is_ok, message = type_check.check(wanted, value, what)
    if not is_ok then
        return nil, "invalid", message
    end
    return value
end

--- Decodes a text as perigee.json does, but keeps integers beyond 2^53.
-- @return the value; or nil, "invalid", detail
json_values.read = json_exact

--- Decodes a text that holds a value of a type, see `fit`.
-- @param wanted a type of perigee.rpc.types; nil decodes as perigee.json does, but keeps integers
-- @return the value; or nil, "malformed" when the text is no JSON, "invalid" when the value does
-- not fit, and a message
function json_values.decode(wanted, text, what)
    local value, code, detail = json_exact(text)
    if value == nil then
        return nil, code and "malformed", detail
    elseif not wanted then
        return value
    end
    return json_values.fit(wanted, value, what)
end

return json_values
