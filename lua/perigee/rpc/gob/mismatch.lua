--- Why values of a type on the wire do not fit a declared type, in the words of Go's encoding/gob,
-- which clients know.
local types = require "perigee.rpc.types"

local BASIC = { bool = 1, int = 2, uint = 3, float = 4, bytes = 5, string = 6, complex = 7,
    any = 8 }
local BASIC_NAMES = { "bool", "int", "uint", "float", "bytes", "string", "complex", "interface" }

local function without_pointers(wanted)
    while wanted.kind == "pointer" do
        wanted = wanted.element
    end
    return wanted
end

-- A type as Go's reflect names it.
local function go_name(wanted)
    if wanted.kind == "struct" and wanted.name then
        return wanted.name
    end
    local text = types.describe(wanted):gsub("%f[%w]bytes%f[%W]", "[]uint8")
    return (text:gsub("%f[%w]time%f[%W]", "time.Time"):gsub("%f[%w]any%f[%W]", "interface {}"))
end

-- Go sends no name for a type that has none; its kind is then better than nothing.
local function wire_name(id, definitions)
    local definition = definitions[id]
    local name = BASIC_NAMES[id] or definition and definition.name or "unknown type"
    return name ~= "" and name or definition.kind
end

local compatible

local checks = {
    time = function(_, definition)
        return definition.kind == "opaque"
    end,
    slice = function(wanted, definition, definitions)
        return definition.kind == "slice"
            and compatible(wanted.element, definition.element, definitions)
    end,
    array = function(wanted, definition, definitions)
        return definition.kind == "array" and definition.length == wanted.length
            and compatible(wanted.element, definition.element, definitions)
    end,
    map = function(wanted, definition, definitions)
        return definition.kind == "map" and compatible(wanted.key, definition.key, definitions)
            and compatible(wanted.element, definition.element, definitions)
    end,
}

-- Whether Go would begin to decode it: at the fields of structs it looks later.
function compatible(wanted, id, definitions)
    wanted = without_pointers(wanted)
    if BASIC[wanted.kind] then
        return BASIC[wanted.kind] == id
    elseif wanted.kind == "struct" then
        return true
    end
    local definition = definitions[id]
    return definition ~= nil and checks[wanted.kind](wanted, definition, definitions)
end

local find_in_struct

-- What is wrong with the structs inside a type that is compatible.
local function find_inside(wanted, id, definitions, seen)
    wanted = without_pointers(wanted)
    if wanted.kind == "struct" then
        return find_in_struct(wanted, id, definitions, seen)
    elseif BASIC[wanted.kind] or wanted.kind == "time" then
        return nil
    end
    local definition = definitions[id]
    return wanted.key and find_inside(wanted.key, definition.key, definitions, seen)
        or find_inside(wanted.element, definition.element, definitions, seen)
end

local function find_in_field(field, wanted, struct_name, definitions, seen)
    if not compatible(wanted, field.id, definitions) then
        return ("wrong type (%s) for received field %s.%s"):format(go_name(wanted), struct_name,
            field.name)
    end
    return find_inside(wanted, field.id, definitions, seen)
end

function find_in_struct(wanted, id, definitions, seen)
    local definition = definitions[id]
    if not definition or definition.kind ~= "struct" then
        return ("type mismatch in decoder: want struct type %s; got non-struct"):format(
            go_name(wanted))
    elseif seen[wanted] then
        return nil
    end
    seen[wanted] = true
    for _, field in ipairs(definition.fields) do
        local found = wanted.field_named[field.name]
        local problem = found and find_in_field(field, found.type, definition.name, definitions,
            seen)
        if problem then
            return problem
        end
    end
end

local function find(wanted, id, definitions)
    local base = without_pointers(wanted)
    if compatible(base, id, definitions) then
        return find_inside(base, id, definitions, {})
    elseif base.kind == "any" then
        return "local interface type *interface {} can only be decoded from remote interface type; "
            .. "received concrete type " .. wire_name(id, definitions)
    end
    return ("decoding into local type *%s, received remote type %s"):format(go_name(wanted),
        wire_name(id, definitions))
end

local mismatch = {}

--- @param wanted a type of perigee.rpc.types
-- @param id the number of the type on the wire
-- @param definitions see perigee.rpc.gob.definitions, by number
-- @return the message; nil when Go would decode it
function mismatch.find(wanted, id, definitions)
    local problem = find(wanted, id, definitions)
    return problem and "gob: " .. problem
end

--- The same of two structs that have no field in common: every field would be zero, and nobody be
-- told.
function mismatch.find_strangers(wanted, id, definitions)
    local definition = definitions[id]
    wanted = without_pointers(wanted)
    if wanted.kind ~= "struct" or not definition or definition.kind ~= "struct"
        or #wanted.fields == 0 or #definition.fields == 0 then
        return nil
    end
    for _, field in ipairs(definition.fields) do
        if wanted.field_named[field.name] then
            return nil
        end
    end
    return "gob: type mismatch: no fields matched compiling decoder for " .. (wanted.name or "")
end

return mismatch
