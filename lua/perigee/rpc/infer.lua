--- The type of a value that nobody declared, where Lua's value says it all.
local int64 = require "perigee.rpc.int64"
local type_check = require "perigee.rpc.type_check"
local type_notation = require "perigee.rpc.type_notation"
local types = require "perigee.rpc.types"

local MAX_DEPTH = 32

local basic = {}
for _, name in ipairs { "bool", "int", "uint64", "float64", "string", "any" } do
    basic[name] = type_notation.parse(name)
end

local by_lua_type = { boolean = basic.bool, string = basic.string }

local infer

local function of_number(value)
    return int64.is_exact(value) and basic.int or basic.float64
end

local function is_scalar(found)
    return found.element == nil and found.kind ~= "struct"
end

-- The type of both; an integer beside fractions is one of them, and what else is different can only
-- be told apart by the reader.
local function join(one, other)
    if not one or types.describe(one) == types.describe(other) then
        return other
    elseif (one.kind == "int" or one.kind == "float") and (other.kind == "int"
        or other.kind == "float") then
        return basic.float64
    end
    return is_scalar(one) and is_scalar(other) and basic.any or nil
end

local function of_elements(value, depth)
    local common
    for key, item in next, value do
        local found, problem = infer(item, depth + 1)
        if not found then
            return nil, problem
        end
        common = join(common, found)
        if not common then
            return nil, ("elements of different types, such as [%s]"):format(tostring(key))
        end
    end
    return common
end

local function of_list(value, depth)
    local element, problem = of_elements(value, depth)
    if not element then
        return nil, problem
    end
    return { kind = "slice", element = element }
end

local function of_struct(value, depth)
    local struct = { kind = "struct", fields = {}, field_named = {} }
    for name, item in next, value do
        local found, problem = infer(item, depth + 1)
        if not found then
            return nil, problem
        end
        local field = { name = name, type = found }
        struct.fields[#struct.fields + 1], struct.field_named[name] = field, field
    end
    table.sort(struct.fields, function(one, other)
        return one.name < other.name
    end)
    return struct
end

local function of_map(value, depth)
    local element, problem = of_elements(value, depth)
    if not element then
        return nil, problem
    end
    return { kind = "map", key = basic.string, element = element }
end

-- How many keys a table has, how many of them are texts, and how many names that Go exports.
local function count_keys(value)
    local count, names, exported = 0, 0, 0
    for key in next, value do
        count = count + 1
        if type(key) == "string" then
            names = names + 1
            exported = exported + (key:find("^%u[%w_]*$") and 1 or 0)
        end
    end
    return count, names, exported
end

-- Which of the three a table is: its keys tell.
local function shape_of(value)
    local count, names, exported = count_keys(value)
    if count == 0 then
        return nil, "an empty table, which may be a list, a map or a struct"
    elseif type_check.list_length(value) then
        return of_list
    elseif names == count then
        return exported == count and of_struct or of_map
    end
    return nil, "a table with keys of several kinds"
end

function infer(value, depth)
    local kind = type(value)
    if by_lua_type[kind] then
        return by_lua_type[kind]
    elseif kind == "number" then
        return of_number(value)
    elseif kind == "cdata" and int64.kind(value) then
        return int64.kind(value) == "int64" and basic.int or basic.uint64
    elseif kind ~= "table" then
        return nil, "a " .. kind
    elseif depth == MAX_DEPTH then
        return nil, ("tables nested deeper than %d"):format(MAX_DEPTH)
    end
    local read, problem = shape_of(value)
    if not read then
        return nil, problem
    end
    return read(value, depth)
end

--- The type of a value: an integral number up to 2^53 is an int, another a float64; a table whose
-- keys are 1..n is a list, one whose keys all begin with a capital a struct with fields in the
-- order of their names, and one with other texts for keys a map. Elements of one list or map have
-- one type; where they are different scalars, it is `any`.
-- @param what the name of the value in messages, "reply" by default
-- @param how the advice in messages, "declare its type with rpc.method" by default
-- @return the type; or nil, "undeclared", a message that says what the value holds
return function(value, what, how)
    local found, problem = infer(value, 0)
    if found then
        return found
    end
    return nil, "undeclared", ("%s holds %s; %s"):format(what or "reply", problem,
        how or "declare its type with rpc.method")
end
