--- Whether a Lua value is one of a type, and if not, what to tell whoever made it.
local int64 = require "perigee.rpc.int64"
local null = require("perigee.json_encoder").null

local type_check = {
    --- Values inside each other, in what is checked and in what a codec writes.
    MAX_DEPTH = 100,
}

local MAX_PATH_SIZE = 80 -- in a message
local MAX_QUOTED_SIZE = 40
local TIME_BOUND_S = 2 ^ 53

-- A value as messages show it.
local function show(value)
    if type(value) == "number" then
        return ("%.14g"):format(value)
    elseif type(value) == "string" and #value <= MAX_QUOTED_SIZE then
        return (("%q"):format(value):gsub("\\\n", "\\n"))
    elseif int64.kind(value) then
        return int64.text(value)
    end
    return type(value)
end

-- Tables that stand for something else have its name in their metatable.
local function show_kind(value)
    local kind = type(value)
    if kind == "number" or kind == "cdata" then
        return show(value)
    end
    local mark = kind == "table" and getmetatable(value)
    local name = type(mark) == "table" and rawget(mark, "__name")
    return type(name) == "string" and name or kind
end

local function with_article(name)
    return (name:find("^[aeioAEIO]") and "an " or "a ") .. name
end

local function expected(what, value)
    if value == nil then
        return ("is missing; it must be %s"):format(what)
    end
    return ("must be %s, got %s"):format(what, show_kind(value))
end

--- Whether `value` is an integer that has room in `bits`.
function type_check.is_integer(value, is_signed, bits)
    if type(value) ~= "number" then
        return int64.fits(value, is_signed, bits)
    elseif value % 1 ~= 0 then
        return false
    elseif is_signed then
        return value >= -2 ^ (bits - 1) and value < 2 ^ (bits - 1)
    end
    return value >= 0 and value < 2 ^ bits
end

local is_integer = type_check.is_integer

local function first_hole(list)
    local i = 1
    while list[i] ~= nil do
        i = i + 1
    end
    return i
end

--- How many elements a list has.
-- @return the count; or nil and why the table is none, such as "with nothing at 2"
function type_check.list_length(list)
    local count, seen = #list, 0
    for key in next, list do
        if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > count then
            return nil, "with the key " .. show(key)
        end
        seen = seen + 1
    end
    if seen < count then
        return nil, "with nothing at " .. first_hole(list)
    end
    return count
end

-- Each finder returns nil, or what is wrong and the path from here to the value it is wrong with:
-- paths are made only when there is something to tell.
local finders = {}

local function find_problem(wanted, value, depth)
    return finders[wanted.kind](value, wanted, depth)
end

local function find_in_integer(value, wanted)
    if is_integer(value, wanted.kind == "int", wanted.bits) then
        return nil
    elseif is_integer(value, true, 64) or is_integer(value, false, 64) then
        return ("is out of range for %s: %s"):format(wanted.name, int64.text(value)), ""
    end
    return expected(with_article(wanted.name), value), ""
end

finders.int, finders.uint = find_in_integer, find_in_integer

local function of_lua_type(name, what)
    return function(value)
        if type(value) ~= name then
            return expected(what, value), ""
        end
    end
end

finders.bool = of_lua_type("boolean", "a bool")
finders.float = of_lua_type("number", "a number")
finders.string = of_lua_type("string", "a string")
finders.bytes = of_lua_type("string", "a string of bytes")

function finders.any()
    return nil
end

function finders.complex(value)
    local is_pair = type(value) == "table" and type(value.real) == "number"
        and type(value.imag) == "number"
    if not is_pair then
        return expected("a complex number { real =, imag = }", value), ""
    end
end

local function is_seconds(value)
    return type(value) == "number" and value > -TIME_BOUND_S and value < TIME_BOUND_S
end

local function is_fraction_of_second(value)
    return type(value) == "number" and is_integer(value, false, 32) and value < 1e9
end

-- Go cannot send the last minute before UTC: its number means UTC itself.
local function is_offset(value)
    return type(value) == "number" and value % 1 == 0 and value > -86400 and value < 86400
        and (value >= 0 or value < -60)
end

--- Whether `value` is a time: seconds since 1970, or a table { seconds, nanoseconds, offset }.
function type_check.is_time(value)
    if type(value) ~= "table" then
        return is_seconds(value)
    end
    return is_seconds(value.seconds) and value.seconds % 1 == 0
        and is_fraction_of_second(value.nanoseconds or 0) and is_offset(value.offset or 0)
end

function finders.time(value)
    if not type_check.is_time(value) then
        return expected("a time, in seconds since 1970 or { seconds =, nanoseconds =, offset = }",
            value), ""
    end
end

local function too_deep()
    return ("is nested deeper than %d"):format(type_check.MAX_DEPTH), ""
end

function finders.slice(value, wanted, depth)
    if type(value) ~= "table" then
        return expected("a list", value), ""
    elseif depth == type_check.MAX_DEPTH then
        return too_deep()
    end
    local count, reason = type_check.list_length(value)
    if not count then
        return "must be a list, got a table " .. reason, ""
    end
    for i = 1, count do
        local problem, path = find_problem(wanted.element, value[i], depth + 1)
        if problem then
            return problem, ("[%d]%s"):format(i, path)
        end
    end
end

function finders.array(value, wanted, depth)
    if type(value) == "table" and #value ~= wanted.length then
        return ("must have %d elements, got %d"):format(wanted.length, #value), ""
    end
    return finders.slice(value, wanted, depth)
end

--- The key of a map as its key type has it: keys that a Lua number cannot hold are texts of digits.
function type_check.map_key(wanted, key)
    if type(key) == "string" and (wanted.kind == "int" or wanted.kind == "uint") then
        return int64.parse(key) or key
    end
    return key
end

function finders.map(value, wanted, depth)
    if type(value) ~= "table" then
        return expected("a table", value), ""
    elseif depth == type_check.MAX_DEPTH then
        return too_deep()
    end
    for key, item in next, value do
        local problem = find_problem(wanted.key, type_check.map_key(wanted.key, key), depth + 1)
        if problem then
            return "has a key that " .. problem, ""
        end
        local path
        problem, path = find_problem(wanted.element, item, depth + 1)
        if problem then
            return problem, ("[%s]%s"):format(show(key), path)
        end
    end
end

local function struct_text(wanted)
    return wanted.name and with_article(wanted.name) or "a table"
end

function finders.struct(value, wanted, depth)
    if type(value) ~= "table" then
        return expected(struct_text(wanted), value), ""
    elseif rawget(value, 1) ~= nil then
        return ("must be %s, got a list"):format(struct_text(wanted)), ""
    elseif depth == type_check.MAX_DEPTH then
        return too_deep()
    end
    local fields = wanted.fields
    for i = 1, #fields do
        local field = fields[i]
        local item = value[field.name]
        if item ~= nil and item ~= null then
            local problem, path = find_problem(field.type, item, depth + 1)
            if problem then
                return problem, ("." .. field.name .. path)
            end
        end
    end
end

function finders.pointer(value, wanted, depth)
    if value == nil or value == null then
        return nil
    end
    return find_problem(wanted.element, value, depth)
end

--- Checks a value against a type. A field that is absent or json.null is not missing: it has Go's
-- zero value. Fields that the type lacks are passed over, as in Go.
-- @param what the name of the value in the message, "args" by default
-- @return true; or nil and a message such as "args.A must be an int, got string"
function type_check.check(wanted, value, what)
    local problem, path = find_problem(wanted, value, 0)
    if problem then
        path = #path > MAX_PATH_SIZE and path:sub(1, MAX_PATH_SIZE) .. "..." or path
        return nil, (what or "args") .. path .. " " .. problem
    end
    return true
end

local function find_unknown_in_elements(wanted, value)
    for key, item in next, value do
        local path, struct = type_check.find_unknown(wanted.element, item)
        if path then
            return ("[%s]%s"):format(show(key), path), struct
        end
    end
end

local function find_unknown_in_struct(wanted, value)
    for key, item in next, value do
        local field = wanted.field_named[key]
        if not field then
            return "." .. tostring(key), wanted
        end
        local path, struct = type_check.find_unknown(field.type, item)
        if path then
            return "." .. tostring(key) .. path, struct
        end
    end
end

--- The path of a field in a value that its type does not have, and the struct that lacks it; or
-- nil. What a service says must not be lost because of a slip of the pen. The value must fit the
-- type otherwise.
function type_check.find_unknown(wanted, value)
    if type(value) ~= "table" then
        return nil
    elseif wanted.kind == "struct" then
        return find_unknown_in_struct(wanted, value)
    elseif wanted.kind == "pointer" then
        return type_check.find_unknown(wanted.element, value)
    elseif wanted.element then
        return find_unknown_in_elements(wanted, value)
    end
end

--- Checks what a service says: a value against a type, which must have all its fields.
-- @return true; or nil and a message
function type_check.check_exactly(wanted, value, what)
    local is_ok, message = type_check.check(wanted, value, what)
    if not is_ok then
        return nil, message
    end
    local path, struct = type_check.find_unknown(wanted, value)
    if not path then
        return true
    end
    local names = {}
    for i, field in ipairs(struct.fields) do
        names[i] = field.name
    end
    return nil, ("%s%s is not declared; the fields are %s"):format(what, path,
        #names > 0 and table.concat(names, ", ") or "none")
end

return type_check
