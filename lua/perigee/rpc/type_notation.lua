--- Reads the notation of types: `"[]int"`, `{ A = "int", B = "int" }`, `"map[string]*Node"`.
--
-- A type is a table. `kind` says which: bool, int, uint, float, complex, string, bytes, time, any,
-- slice and pointer (with `element`), array (`element`, `length`), map (`key`, `element`), struct
-- (`fields`, a list of { name, type }, and perhaps `name`). Numbers have `bits`. A struct may
-- contain itself, so types are graphs.
local type_notation = {}

local MAX_DEPTH = 100
local MAX_FIELDS = 1000
local MAX_LENGTH = 1000000 -- of an array

local basic = {}

local function add_basic(name, kind, bits)
    basic[name] = { kind = kind, bits = bits, name = name }
end

for _, kind in ipairs { "int", "uint" } do
    add_basic(kind, kind, 64)
    for _, bits in ipairs { 8, 16, 32, 64 } do
        add_basic(kind .. bits, kind, bits)
    end
end
add_basic("byte", "uint", 8)
add_basic("float", "float", 64)
add_basic("float32", "float", 32)
add_basic("float64", "float", 64)
add_basic("complex", "complex", 128)
add_basic("complex128", "complex", 128)
for _, kind in ipairs { "bool", "string", "bytes", "time", "any" } do
    add_basic(kind, kind)
end

-- What a key of a map may be: what is a key of a Lua table and equal when it looks equal.
local KEY_KINDS = { bool = true, int = true, uint = true, float = true, string = true }

-- A problem travels as an error with this mark, and becomes parse's second result.
local function refuse(...)
    error({ problem = string.format(...) }, 0)
end

local read, read_text, read_struct

local function refuse_unknown(name)
    refuse('unknown type "%s"; there are bool, int, int8..int64, uint, uint8..uint64, float32, '
        .. "float64, complex128, string, bytes, time, any, []T, [N]T, map[K]T, *T and structs",
        name)
end

-- A name is a basic type's, or that of a struct that stands anywhere in the notation.
local function read_name(name, context, depth)
    if basic[name] then
        return basic[name]
    elseif context.structs[name] then
        return context.structs[name]
    end
    local notation = context.named[name]
    if notation == nil then
        refuse_unknown(name)
    elseif type(notation) == "string" then
        return read(notation, context, depth + 1)
    end
    return read_struct(notation, context, depth + 1, name)
end

-- The text between "map[" at the beginning and the bracket that closes it, and what follows.
local function split_map(text)
    local inside, rest = text:match("^map(%b[])(.*)$")
    if not inside then
        refuse('"%s" lacks the "]" of its map', text)
    end
    return inside:sub(2, -2), rest
end

local function read_map(text, context, depth, operand)
    local key_text, rest = split_map(text)
    local key = read(key_text, context, depth + 1)
    if not KEY_KINDS[key.kind] then
        refuse("the keys of a map may be strings, numbers and booleans, not %s", key_text)
    end
    return { kind = "map", key = key,
        element = read_text(rest, context, depth + 1, operand) }
end

local function read_array(digits, rest, context, depth, operand)
    local length = tonumber(digits)
    if length > MAX_LENGTH then
        refuse("an array may have %d elements, not %s", MAX_LENGTH, digits)
    end
    return { kind = "array", length = length,
        element = read_text(rest, context, depth + 1, operand) }
end

local function read_operand(text, context, depth, operand)
    if operand == nil then
        if not text:find("^[%a_][%w_.]*$") then
            refuse('"%s" is no type', text)
        end
        return read_name(text, context, depth)
    elseif text ~= "" then
        refuse('"%s" is followed by a type, so that it may only have [], [N], map[K] and *', text)
    end
    return read(operand, context, depth + 1)
end

-- Reads "[]", "[3]", "map[K]" and "*" in front of a name, or of `operand` when there is one.
function read_text(text, context, depth, operand)
    if depth > MAX_DEPTH then
        refuse("a type is nested deeper than %d", MAX_DEPTH)
    end
    local digits, rest = text:match("^%[(%d*)%](.*)$")
    if text:find("^map%[") then
        return read_map(text, context, depth, operand)
    elseif digits == "" then
        return { kind = "slice", element = read_text(rest, context, depth + 1, operand) }
    elseif digits then
        return read_array(digits, rest, context, depth, operand)
    elseif text:sub(1, 1) == "*" then
        return { kind = "pointer", element = read_text(text:sub(2), context, depth + 1, operand) }
    end
    return read_operand(text, context, depth, operand)
end

local function add_field(struct, name, notation, context, depth)
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
        refuse("a field's name must be a word, got %s", tostring(name))
    elseif struct.field_named[name] then
        refuse("the field %s is declared twice", name)
    elseif #struct.fields == MAX_FIELDS then
        refuse("a struct may have %d fields", MAX_FIELDS)
    end
    local field = { name = name, type = read(notation, context, depth + 1) }
    struct.fields[#struct.fields + 1] = field
    struct.field_named[name] = field
end

local function read_ordered(struct, notation, context, depth)
    for i, field in ipairs(notation) do
        if type(field) ~= "table" then
            refuse('field %d must be { "Name", type }, got %s', i, type(field))
        end
        add_field(struct, field[1], field[2], context, depth)
    end
    for key in pairs(notation) do
        if key ~= "name" and (type(key) ~= "number" or not notation[key]) then
            refuse("a struct has a list of fields or named ones, not both (%s)", tostring(key))
        end
    end
end

-- Lua's tables have no order, so that the names give it: it must be the same each time.
local function read_by_name(struct, notation, context, depth)
    local names = {}
    for name in pairs(notation) do
        if name ~= "name" then
            names[#names + 1] = tostring(name)
        end
    end
    table.sort(names)
    for _, name in ipairs(names) do
        add_field(struct, name, notation[name], context, depth)
    end
end

local function check_struct_name(name, context)
    if name == nil then
        return
    elseif type(name) ~= "string" or not name:find("^%a[%w_.]*$") or basic[name] then
        refuse("the name of a struct must be a word that names no other type, got %s",
            tostring(name))
    elseif context.structs[name] then
        refuse("the struct %s is declared twice", name)
    end
end

function read_struct(notation, context, depth, given_name)
    local name = notation.name or given_name
    if context.open[notation] and not name then
        refuse("a struct that contains itself needs a name")
    elseif context.read[notation] then
        return context.read[notation]
    end
    check_struct_name(name, context)
    local struct = { kind = "struct", name = name, fields = {}, field_named = {} }
    context.read[notation], context.open[notation] = struct, true
    if name then
        context.structs[name] = struct
    end
    (notation[1] ~= nil and read_ordered or read_by_name)(struct, notation, context, depth)
    context.open[notation] = nil
    return struct
end

function read(notation, context, depth)
    if depth > MAX_DEPTH then
        refuse("a type is nested deeper than %d", MAX_DEPTH)
    elseif type(notation) == "string" then
        return read_text((notation:gsub("%s+", "")), context, depth)
    elseif type(notation) ~= "table" then
        refuse('a type is a text such as "int" or a table of fields, got %s', type(notation))
    elseif type(notation[1]) == "string" then
        if notation[2] == nil or next(notation, next(notation, next(notation))) ~= nil then
            refuse('write { "%s", type }', notation[1])
        end
        return read_text((notation[1]:gsub("%s+", "")), context, depth, notation[2])
    end
    return read_struct(notation, context, depth)
end

-- A struct that contains itself, other than behind a pointer or in a list, would have no end.
local function refuse_endless(found, above, done)
    if found.kind == "array" then
        return refuse_endless(found.element, above, done)
    elseif found.kind ~= "struct" or done[found] then
        return
    elseif above[found] then
        refuse("the struct %s contains itself; use *%s", found.name, found.name)
    end
    above[found] = true
    for _, field in ipairs(found.fields) do
        refuse_endless(field.type, above, done)
    end
    above[found], done[found] = nil, true
end

local function each_type(found, visit, seen)
    if not found or seen[found] then
        return
    end
    seen[found] = true
    visit(found)
    each_type(found.key, visit, seen)
    each_type(found.element, visit, seen)
    for _, field in ipairs(found.fields or {}) do
        each_type(field.type, visit, seen)
    end
end

-- Named structs may stand in the notation behind the texts that name them.
local function collect_named(notation, named, depth)
    if type(notation) ~= "table" or depth > MAX_DEPTH then
        return
    end
    local is_struct = type(notation[1]) ~= "string"
    if is_struct and type(notation.name) == "string" and not named[notation.name] then
        named[notation.name] = notation
    end
    for key, item in pairs(notation) do
        if key ~= "name" then
            collect_named(item, named, depth + 1)
        end
    end
end

-- The type of a notation, or an error with a problem.
local function parse(notation, named)
    local context = { structs = {}, named = {}, read = {}, open = {} }
    for name, other in pairs(named or {}) do
        context.named[name] = other
    end
    collect_named(notation, context.named, 0)
    local found = read(notation, context, 0)
    each_type(found, function(part)
        refuse_endless(part, {}, {})
    end, {})
    return found
end

--- Reads one notation.
-- @param named further notations by name, for texts to refer to
-- @return the type; or nil and what is wrong with the notation
function type_notation.parse(notation, named)
    local is_ok, found = pcall(parse, notation, named)
    if is_ok then
        return found
    elseif type(found) ~= "table" or not found.problem then
        error(found, 0)
    end
    return nil, found.problem
end

return type_notation
