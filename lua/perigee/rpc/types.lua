--- The types of arguments and replies: read from a notation, checked, filled in, described.
-- docs/rpc.md tells which Lua value stands for which Go type.
local type_check = require "perigee.rpc.type_check"
local type_notation = require "perigee.rpc.type_notation"
local null = require("perigee.json_encoder").null

local types = {
    parse = type_notation.parse,
    check = type_check.check,
    --- Go's zero time, the first of January of the year 1, in seconds since 1970.
    ZERO_TIME_S = -62135596800,
}

local zero_scalars = { bool = false, int = 0, uint = 0, float = 0, string = "", bytes = "" }

local function zero_struct(wanted)
    local value = {}
    for _, field in ipairs(wanted.fields) do
        value[field.name] = types.zero(field.type)
    end
    return value
end

local function zero_array(wanted)
    local value = {}
    for i = 1, wanted.length do
        local zero = types.zero(wanted.element)
        value[i] = zero == nil and null or zero
    end
    return value
end

--- Go's zero value of a type: 0, false, "", an empty table, a struct or an array of zero values,
-- nil for pointers and `any`, which in an array is json.null.
function types.zero(wanted)
    local kind = wanted.kind
    if kind == "struct" then
        return zero_struct(wanted)
    elseif kind == "array" then
        return zero_array(wanted)
    elseif kind == "slice" or kind == "map" then
        return {}
    elseif kind == "time" then
        return { seconds = types.ZERO_TIME_S, nanoseconds = 0 }
    elseif kind == "complex" then
        return { real = 0, imag = 0 }
    end
    return zero_scalars[kind]
end

local function complete_struct(wanted, value)
    local fields = wanted.fields
    for i = 1, #fields do
        local field = fields[i]
        local item = value[field.name]
        if item == nil or item == null or type(item) == "table" then
            value[field.name] = types.complete(field.type, item)
        end
    end
    return value
end

local function complete_elements(wanted, value)
    local element = wanted.element
    if not element.element and element.kind ~= "struct" then
        return value
    end
    for key, item in next, value do
        local completed = types.complete(element, item)
        value[key] = completed == nil and null or completed
    end
    return value
end

local table_completers = {
    struct = complete_struct, slice = complete_elements, array = complete_elements,
    map = complete_elements,
    pointer = function(wanted, value)
        return types.complete(wanted.element, value)
    end,
}

--- Gives each field that is absent its zero value, as a Go program finds it, so that a method need
-- not look for nil. Changes tables in place. What does not fit the type stays as it is.
-- @return the value; the zero value for nil and json.null
function types.complete(wanted, value)
    if value == nil or value == null then
        return types.zero(wanted)
    end
    local complete = type(value) == "table" and table_completers[wanted.kind]
    return complete and complete(wanted, value) or value
end

local describe

local function describe_struct(found, named)
    if found.name and named[found] then
        return found.name
    end
    named[found] = true
    local fields = {}
    for i, field in ipairs(found.fields) do
        fields[i] = field.name .. " " .. describe(field.type, named)
    end
    return (found.name and found.name .. " " or "") .. "struct { " .. table.concat(fields, "; ")
        .. " }"
end

function describe(found, named)
    if found.kind == "struct" then
        return describe_struct(found, named)
    elseif found.kind == "map" then
        return ("map[%s]%s"):format(describe(found.key, named), describe(found.element, named))
    elseif not found.element then
        return found.name
    end
    local prefix = found.kind == "slice" and "[]" or found.kind == "pointer" and "*"
        or ("[%d]"):format(found.length)
    return prefix .. describe(found.element, named)
end

--- A type as Go would write it: `struct { A int; B int }`. A named struct is spelled out where it
-- stands first: `[]Item struct { SKU string; Count uint }`.
function types.describe(found)
    return describe(found, {})
end

return types
