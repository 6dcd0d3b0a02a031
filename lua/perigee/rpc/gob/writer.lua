--- Writers of values, compiled from declared types: Lua source is written for each struct, list and
-- map and loaded. A writer takes the string.buffer, the value and how deep it is nested, and checks
-- the value as it goes; what does not fit is raised as append.MISFIT.
local append = require "perigee.rpc.gob.append"
local type_check = require "perigee.rpc.type_check"
local types = require "perigee.rpc.types"

local format = string.format
local misfit = append.misfit

local writer = {}

local MAX_STEPS = 32

-- Functions that generated code calls.
local support = setmetatable({ empty = {} }, { __index = append })

function support.enter(value, depth)
    if type(value) ~= "table" or depth > type_check.MAX_DEPTH then
        misfit()
    end
end

function support.length(list)
    return type_check.list_length(list) or misfit()
end

function support.is_filled(list)
    if type(list) ~= "table" then
        misfit()
    end
    return next(list) ~= nil
end

--- Whether a struct has fields that were not written: their names must be wrong.
function support.check_keys(value, known)
    local count = 0
    for _ in next, value do
        count = count + 1
    end
    if count > known then
        misfit()
    end
end

function support.check_length(list, length)
    if #list ~= length then
        misfit()
    end
end

function support.size(map)
    local count = 0
    for _ in next, map do
        count = count + 1
    end
    return count
end

function support.is_complex_set(value)
    return type(value) ~= "table" or value.real ~= 0 or value.imag ~= 0
end

function support.is_time_set(value)
    return type(value) ~= "table" or value.seconds ~= types.ZERO_TIME_S
        or (value.nanoseconds or 0) ~= 0
end

-- The text of deltas: how many fields were left out, and one.
support.deltas = setmetatable({}, { __index = function(self, delta)
    local text = delta < 128 and string.char(delta) or delta < 256 and "\255" .. string.char(delta)
        or string.char(254, (delta - delta % 256) / 256, delta % 256)
    self[delta] = text
    return text
end })

-- The source of what writes `item`, and of whether it is written as a field.
local basic = {
    bool = { "bool(out, item)", "item ~= false" },
    string = { "text(out, item)", 'item ~= ""' },
    bytes = { "text(out, item)", 'item ~= ""' },
    float = { "float(out, item)", "item ~= 0" },
    complex = { "complex(out, item)", "is_complex_set(item)" },
    time = { "time(out, item)", "is_time_set(item)" },
    any = { "interface(out, item)", "true" },
}
for _, kind in ipairs { "int", "uint" } do
    basic[kind] = function(wanted)
        return { format("%s(out, item, %d)", kind, wanted.bits), "item ~= 0" }
    end
end

local HEAD = [[
local writers, support, zeros = ...
local bool, int, uint, float, text, complex, time, interface, small =
    support.bool, support.int, support.uint, support.float, support.string, support.complex,
    support.time, support.interface, support.small
local enter, length, size, check_keys, check_length, map_key =
    support.enter, support.length, support.size, support.check_keys, support.check_length,
    support.map_key
local is_filled, is_complex_set, is_time_set, deltas, empty =
    support.is_filled, support.is_complex_set, support.is_time_set, support.deltas, support.empty
local next = next
return function(out, value, depth)
    enter(value, depth)
]]

-- Structs and arrays are sent although they are absent, as Go does.
local function absent_source(field_type, number)
    if field_type.kind == "struct" then
        return "else item = empty"
    elseif field_type.kind == "array" then
        return format("else item = zeros[%d]", number)
    end
    return ""
end

-- Looks for keys that are no field. Where all fields are there, by steps in a line: a loop would
-- keep whoever writes in a loop of its own from being compiled in one piece.
local function keys_check_source(field_count)
    if field_count == 0 or field_count > MAX_STEPS then
        return "check_keys(value, known)"
    end
    return format([[
    local key
    if known == %d then
        key = next(value)%s
    end
    if key == nil or next(value, key) ~= nil then
        check_keys(value, known)
    end
]], field_count, ("\n        key = next(value, key)"):rep(field_count - 1))
end

local function struct_source(wanted, part_of)
    local fields = {}
    for i, field in ipairs(wanted.fields) do
        local part = part_of(field.type)
        fields[i] = format([[
    item = value[%q]
    if item ~= nil then
        known = known + 1
    %s
    end
    if item ~= nil and %s then
        out:put(deltas[%d - last])
        %s
        last = %d
    end
]], field.name, absent_source(field.type, i), part[2], i - 1, part[1], i - 1)
    end
    return format([[
    local last, known, item = -1, 0
%s
%s
    out:put("\0")
]], table.concat(fields), keys_check_source(#fields))
end

local function list_source(wanted, part_of)
    local check = wanted.kind == "array" and format("check_length(value, %d)", wanted.length) or ""
    return format([[
    local count = length(value)
    %s
    small(out, count)
    for i = 1, count do
        local item = value[i]
        %s
    end
]], check, part_of(wanted.element)[1])
end

local function map_source(wanted, part_of)
    local is_number = wanted.key.kind == "int" or wanted.key.kind == "uint"
    return format([[
    small(out, size(value))
    for item, content in next, value do
        %s
        %s
        item = content
        %s
    end
]], is_number and "item = map_key(item)" or "", part_of(wanted.key)[1], part_of(wanted.element)[1])
end

local sources = { struct = struct_source, slice = list_source, array = list_source,
    map = map_source }

local conditions = { struct = "true", array = "true", map = "true", slice = "is_filled(item)" }

--- A key that is digits is the number it stands for: Lua's tables cannot find a cdata again.
function support.map_key(key)
    return type(key) == "string" and type_check.map_key({ kind = "int" }, key) or key
end

-- Pointers are not on the wire: what they point to is.
local function target(found)
    while found.kind == "pointer" do
        found = found.element
    end
    return found
end

writer.target = target

local function new_plan()
    local plan = { composites = {}, parts = {} }

    function plan.part_of(wanted)
        wanted = target(wanted)
        local part = plan.parts[wanted] or basic[wanted.kind]
        if type(part) == "function" then
            part = part(wanted)
        elseif not part then
            local place = #plan.composites + 1
            plan.composites[place] = wanted
            part = { format("writers[%d](out, item, depth + 1)", place), conditions[wanted.kind] }
        end
        plan.parts[wanted] = part
        return part
    end

    return plan
end

-- The arrays that are sent where a struct lacks them.
local function zeros_of(wanted)
    local zeros = {}
    for i, field in ipairs(wanted.fields or {}) do
        zeros[i] = field.type.kind == "array" and types.zero(field.type) or nil
    end
    return zeros
end

local function load_writer(writers, body, zeros)
    return assert(loadstring(HEAD .. body .. "end\n", "=gob writer"))(writers, support, zeros)
end

--- Compiles what writes values of a type.
function writer.compile(wanted)
    local plan = new_plan()
    local writers = {}
    local call = plan.part_of(wanted)[1]
    local built = 0
    while built < #plan.composites do
        built = built + 1
        local composite = plan.composites[built]
        writers[built] = load_writer(writers, sources[composite.kind](composite, plan.part_of),
            zeros_of(composite))
    end
    if writers[1] then
        return writers[1]
    end
    return assert(loadstring(HEAD:gsub("%s+enter%(value, depth%)", "\n    local item = value")
        .. call .. "\nend\n", "=gob writer"))(writers, support)
end

return writer
