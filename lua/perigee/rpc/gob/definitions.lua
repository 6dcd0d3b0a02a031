--- Definitions of types on the wire (encoding/gob: wireType), read and written.
--
-- A definition is { id, kind, name, element, key, length, fields, bytes }, where types are numbers,
-- fields a list of { name, id }, and kind is struct, slice, array, map or opaque.
local append = require "perigee.rpc.gob.append"
local reader = require "perigee.rpc.gob.reader"
local scalars = require "perigee.rpc.gob.scalars"
local buffer = require "string.buffer"

local definitions = {
    --- The lowest number of a defined type; those below are gob's own.
    LEAST_ID = 64,
}

local MAX_FIELDS = 1000
local MAX_VALUES = 10000 -- of one definition

-- The types of definitions themselves, by the numbers that encoding/gob has for them.
local wire_types = {
    [16] = { kind = "struct", fields = {
        { name = "ArrayT", id = 17 }, { name = "SliceT", id = 19 }, { name = "StructT", id = 20 },
        { name = "MapT", id = 23 }, { name = "GobEncoderT", id = 24 },
        { name = "BinaryMarshalerT", id = 24 }, { name = "TextMarshalerT", id = 24 },
    } },
    [17] = { kind = "struct", fields = { { name = "Common", id = 18 }, { name = "Elem", id = 2 },
        { name = "Len", id = 2 } } },
    [18] = { kind = "struct", fields = { { name = "Name", id = 6 }, { name = "Id", id = 2 } } },
    [19] = { kind = "struct", fields = { { name = "Common", id = 18 },
        { name = "Elem", id = 2 } } },
    [20] = { kind = "struct", fields = { { name = "Common", id = 18 },
        { name = "Field", id = 22 } } },
    [21] = { kind = "struct", fields = { { name = "Name", id = 6 }, { name = "Id", id = 2 } } },
    [22] = { kind = "slice", element = 21 },
    [23] = { kind = "struct", fields = { { name = "Common", id = 18 }, { name = "Key", id = 2 },
        { name = "Elem", id = 2 } } },
    [24] = { kind = "struct", fields = { { name = "Common", id = 18 } } },
}

local read_wire_type = reader.compile(16, wire_types)

local function fields_of(wire)
    local fields = {}
    if #wire.Field > MAX_FIELDS then
        scalars.fail("too_large", ("a struct may have %d fields"):format(MAX_FIELDS))
    end
    for i, field in ipairs(wire.Field) do
        fields[i] = { name = field.Name, id = field.Id }
    end
    return fields
end

local makers = {
    ArrayT = function(wire)
        return { kind = "array", element = wire.Elem, length = wire.Len }
    end,
    SliceT = function(wire)
        return { kind = "slice", element = wire.Elem }
    end,
    StructT = function(wire)
        return { kind = "struct", fields = fields_of(wire) }
    end,
    MapT = function(wire)
        return { kind = "map", key = wire.Key, element = wire.Elem }
    end,
    GobEncoderT = function()
        return { kind = "opaque" }
    end,
}
makers.BinaryMarshalerT, makers.TextMarshalerT = makers.GobEncoderT, makers.GobEncoderT

--- Reads a definition that begins at `start`, in a message or inside a value; raises a failure, see
-- perigee.rpc.gob.scalars.
-- @return the definition, and the position behind it
function definitions.read_at(bytes, start)
    local id, position = scalars.int(bytes, start)
    if id > -definitions.LEAST_ID then
        scalars.fail("malformed", ("the number %s is no new type's"):format(tostring(-id)))
    end
    local wire
    wire, position = read_wire_type(bytes, position, 0, { values_left = MAX_VALUES })
    local kind, content = next(wire)
    if not kind or next(wire, kind) then
        scalars.fail("malformed", "a definition must define one type")
    end
    local definition = makers[kind](content)
    definition.id, definition.bytes = -id, bytes:sub(start, position - 1)
    definition.name = content.Common and content.Common.Name or ""
    return definition, position
end

--- Reads the body of a message that defines a type, and has nothing else.
function definitions.read(bytes)
    local definition, position = definitions.read_at(bytes, 1)
    if position <= #bytes then
        scalars.fail("malformed", "a definition must end where its message does")
    end
    return definition
end

local function put_id(out, lead, id)
    out:put(lead)
    append.int(out, id, 64)
end

local function put_common(out, name, number)
    if name then
        out:put("\1\1")
        append.string(out, name)
        put_id(out, "\1", number)
    else
        put_id(out, "\1\2", number)
    end
    out:put("\0")
end

local function put_fields(out, fields, number_of)
    if #fields == 0 then
        return
    end
    out:put("\1")
    append.small(out, #fields)
    for _, field in ipairs(fields) do
        out:put("\1")
        append.string(out, field.name)
        put_id(out, "\1", number_of(field.type))
        out:put("\0")
    end
end

-- The number of each kind's field in wireType, and what follows Common.
local kind_fields = { array = "\1", slice = "\2", struct = "\3", map = "\4", time = "\5" }

local content_writers = {
    array = function(out, found, number_of)
        put_id(out, "\1", number_of(found.element))
        put_id(out, "\1", found.length)
    end,
    slice = function(out, found, number_of)
        put_id(out, "\1", number_of(found.element))
    end,
    struct = function(out, found, number_of)
        put_fields(out, found.fields, number_of)
    end,
    map = function(out, found, number_of)
        put_id(out, "\1", number_of(found.key))
        put_id(out, "\1", number_of(found.element))
    end,
    time = function() end,
}

--- The body of a message that defines a type of perigee.rpc.types.
-- @param number_of gives the number of a type that is a part of it
function definitions.write(found, number, number_of)
    local out = buffer.new()
    append.int(out, -number, 64)
    out:put(kind_fields[found.kind])
    put_common(out, found.kind == "time" and "Time" or found.name, number)
    content_writers[found.kind](out, found, number_of)
    out:put("\0\0")
    return out:get()
end

return definitions
