--- Readers of gob's composite values, compiled from definitions: Lua source is written for each
-- struct, list and map and loaded, so that the compiler of LuaJIT sees straight lines and not an
-- interpreter of definitions.
--
-- A reader takes the bytes, the position, how deep the value is nested, and the decoder whose
-- connection it is; it returns the value and the position behind it. It calls nothing of a service.
local scalars = require "perigee.rpc.gob.scalars"
local null = require("perigee.json_encoder").null
local new_table = require "table.new"

local format = string.format
local fail = scalars.fail

local reader = {}

local MAX_DEPTH = 200
local MAX_PRESIZED = 64 -- elements a list has room for before they are read
local MAX_INTERFACE_NAME_SIZE = 1024

-- What stands between the connection and the code: functions that generated code calls.
local support = setmetatable({}, { __index = scalars })

--- Begins a value of `count` Lua values: one byte on the wire may cost a whole table.
function support.enter(decoder, count, depth)
    local left = decoder.values_left - count
    decoder.values_left = left
    if left < 0 then
        fail("too_large", "a message holds more values than a message may")
    elseif depth > MAX_DEPTH then
        fail("too_large", format("a value is nested deeper than %d", MAX_DEPTH))
    end
end

function support.new_list(count)
    return new_table(count < MAX_PRESIZED and count or MAX_PRESIZED, 0)
end

function support.out_of_bounds()
    fail("malformed", "a field number is out of bounds")
end

function support.check_length(count, length)
    if count ~= length then
        fail("malformed", format("an array of %s elements, defined with %s", tostring(count),
            tostring(length)))
    end
end

--- A key as Lua's tables can have it: what is beyond a number is its digits.
function support.key(key)
    if key == nil or key ~= key then
        fail("malformed", "a map has a key that no Lua table can have: nil or NaN")
    elseif type(key) == "cdata" then
        return (tostring(key):gsub("U?LL$", ""))
    end
    return key
end

--- What an interface holds: the name of its type, the type, a size, the value. What is defined in
-- between is the decoder's to take out.
function support.interface(bytes, position, depth, decoder)
    support.enter(decoder, 1, depth)
    local size, id, _
    size, position = scalars.uint(bytes, position)
    if size == 0 then
        return nil, position
    elseif size > MAX_INTERFACE_NAME_SIZE then
        fail("malformed", "the name of an interface's type is too long")
    end
    local name_end = position + size
    if name_end == #bytes + 1 then
        decoder:await_piece(bytes)
    end
    id, position = scalars.int(bytes, name_end)
    if id < 0 then
        decoder:take_out_definition(bytes, name_end)
    end
    _, position = scalars.uint(bytes, position)
    return decoder:read(id, bytes, position, depth + 1)
end

--- In lists and maps, where nil would be a hole, an interface that holds nothing is json.null.
function support.element(bytes, position, depth, decoder)
    local value
    value, position = support.interface(bytes, position, depth, decoder)
    if value == nil then
        return null, position
    end
    return value, position
end

-- The source of what reads a value of a basic type, and its zero value.
local basic = {
    { call = "bool(bytes, position)", zero = "false" },
    { call = "int(bytes, position)", zero = "0" },
    { call = "uint(bytes, position)", zero = "0" },
    { call = "float(bytes, position)", zero = "0" },
    { call = "text(bytes, position)", zero = '""' },
    { call = "text(bytes, position)", zero = '""' },
    { call = "complex(bytes, position)", make = "{ real = 0, imag = 0 }" },
    { call = "interface(bytes, position, depth + 1, decoder)",
        element = "element(bytes, position, depth + 1, decoder)" },
}

local time = { call = "time(bytes, position)",
    make = "{ seconds = -62135596800, nanoseconds = 0 }" }

-- Structs are absent as nil: what is left out of a message was a nil pointer.
local made_when_absent = { slice = "{}", map = "{}", array = "{}" }

local HEAD = [[
local readers, support = ...
local bool, int, uint, float, text, complex, time, interface, element, count_of, next_field =
    support.bool, support.int, support.uint, support.float, support.string, support.complex,
    support.time, support.interface, support.element, support.count, support.next_field
local enter, new_list, key_of, check_length, out_of_bounds =
    support.enter, support.new_list, support.key, support.check_length, support.out_of_bounds
return function(bytes, position, depth, decoder)
]]

-- A name from the wire as a literal that cannot mean anything else.
local function quote(name)
    return '"' .. name:gsub("[^%w_]", function(character)
        return format("\\%03d", character:byte())
    end) .. '"'
end

local function struct_source(definition, part_of)
    local zeros, fields = {}, {}
    for i, field in ipairs(definition.fields) do
        local part, name = part_of(field.id), quote(field.name)
        if part.zero then
            zeros[#zeros + 1] = format("[%s] = %s,", name, part.zero)
        end
        local otherwise = part.make and format("else value[%s] = %s", name, part.make) or ""
        fields[i] = format([[
    if field == %d then
        value[%s], position = %s
        field, position = next_field(bytes, position, %d)
    %s
    end
]], i - 1, name, part.call, i - 1, otherwise)
    end
    return format([[
    enter(decoder, %d, depth)
    local value = { %s }
    local field
    field, position = next_field(bytes, position, -1)
%s
    if field then
        out_of_bounds()
    end
    return value, position
]], #fields + 1, table.concat(zeros, " "), table.concat(fields))
end

local function element_call(part)
    return part.element or part.call
end

local function list_source(definition, part_of)
    local check = definition.kind == "array" and format("check_length(count, %s)",
        tostring(definition.length)) or ""
    return format([[
    local count
    count, position = count_of(bytes, position)
    enter(decoder, count + 1, depth)
    %s
    local list = new_list(count)
    for i = 1, count do
        list[i], position = %s
    end
    return list, position
]], check, element_call(part_of(definition.element)))
end

local function map_source(definition, part_of)
    return format([[
    local count
    count, position = count_of(bytes, position)
    enter(decoder, 2 * count + 1, depth)
    local map = {}
    for _ = 1, count do
        local key
        key, position = %s
        map[key_of(key)], position = %s
    end
    return map, position
]], part_of(definition.key).call, element_call(part_of(definition.element)))
end

local sources = { struct = struct_source, slice = list_source, array = list_source,
    map = map_source }

local opaque = basic[5]

-- Go names no pointer's type, and every argument and reply of net/rpc may be a pointer to a time.
local names_of_time = { Time = true, [""] = true }

-- Knows every type that a value of type `id` may meet: gives each composite one a place in the list
-- of readers, and tells how a part of another is read.
local function new_plan(definitions)
    local plan = { composites = {}, parts = {} }

    function plan.part_of(id)
        local part = basic[id] or plan.parts[id]
        if part then
            return part
        end
        local definition = definitions[id]
        if not definition then
            fail("malformed", format("the type %s is not defined", tostring(id)))
        elseif definition.kind == "opaque" then
            part = names_of_time[definition.name] and time or opaque
        else
            local place = #plan.composites + 1
            plan.composites[place] = definition
            part = { call = format("readers[%d](bytes, position, depth + 1, decoder)", place),
                make = made_when_absent[definition.kind] }
        end
        plan.parts[id] = part
        return part
    end

    return plan
end

local function load_reader(readers, body)
    return assert(loadstring(HEAD .. body .. "end\n", "=gob reader"))(readers, support)
end

--- Compiles what reads values of type `id`.
-- @param definitions see perigee.rpc.gob.definitions, by number; raises a failure when one lacks
-- @return the reader
function reader.compile(id, definitions)
    local plan = new_plan(definitions)
    local readers = {}
    local call = plan.part_of(id).call
    local built = 0
    while built < #plan.composites do
        built = built + 1
        local definition = plan.composites[built]
        readers[built] = load_reader(readers, sources[definition.kind](definition, plan.part_of))
    end
    return readers[1] or load_reader(readers, "    return " .. call .. "\n")
end

return reader
