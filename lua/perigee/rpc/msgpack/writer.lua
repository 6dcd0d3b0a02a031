--- Writes MessagePack to a string.buffer, by the Lua value or by a declared type. What cannot be
-- sent is raised as a table { problem }.
local float64 = require "perigee.rpc.float64"
local int64 = require "perigee.rpc.int64"
local json_encoder = require "perigee.json_encoder"
local marks = require "perigee.rpc.msgpack.marks"
local type_check = require "perigee.rpc.type_check"

local char, floor = string.char, math.floor
local band, rshift = bit.band, bit.rshift

local MAX_DEPTH = 128
local WORD = 2 ^ 32

local null, array_mark = json_encoder.null, json_encoder.array_mark

local function refuse(problem)
    error({ problem = problem }, 0)
end

local function big_endian_16(value)
    return char(rshift(value, 8), band(value, 255))
end

local function big_endian_32(value)
    return char(rshift(value, 24), band(rshift(value, 16), 255), band(rshift(value, 8), 255),
        band(value, 255))
end

-- An integer of at least 32 bits.
local function put_long(out, value)
    local high, low = int64.words(value)
    if value >= 0 and high == 0 then
        out:put("\206", big_endian_32(low))
    elseif value < 0 and high == WORD - 1 and low >= 2 ^ 31 then
        out:put("\210", big_endian_32(low))
    else
        out:put(value < 0 and "\211" or "\207", big_endian_32(high), big_endian_32(low))
    end
end

local function put_integer(out, value)
    if value >= 0 then
        if value < 128 then
            out:put(char(value))
        elseif value < 256 then
            out:put("\204", char(value))
        elseif value < 65536 then
            out:put("\205", big_endian_16(value))
        else
            put_long(out, value)
        end
    elseif value >= -32 then
        out:put(char(256 + value))
    elseif value >= -128 then
        out:put("\208", char(256 + value))
    elseif value >= -32768 then
        out:put("\209", big_endian_16(65536 + value))
    else
        put_long(out, value)
    end
end

local function put_float(out, value)
    local high, low = float64.words(value)
    out:put("\203", big_endian_32(high), big_endian_32(low))
end

-- Zero with a minus is a fraction too: an integer has none.
local function put_number(out, value)
    local is_integer = int64.is_exact(value) and (value ~= 0 or 1 / value > 0)
    return (is_integer and put_integer or put_float)(out, value)
end

-- Formats of one kind of thing: up to which size a short one, then those with 1, 2 and 4 bytes.
local function put_head(out, size, short, short_size, format_8, format_16, format_32)
    if size < short_size then
        out:put(char(short + size))
    elseif size < 256 and format_8 then
        out:put(format_8, char(size))
    elseif size < 65536 then
        out:put(format_16, big_endian_16(size))
    else
        out:put(format_32, big_endian_32(size))
    end
end

local function put_text(out, value)
    put_head(out, #value, 0xa0, 32, "\217", "\218", "\219")
    out:put(value)
end

local function put_binary(out, bytes)
    put_head(out, #bytes, 0, 0, "\196", "\197", "\198")
    out:put(bytes)
end

local extension_heads = { [1] = "\212", [2] = "\213", [4] = "\214", [8] = "\215", [16] = "\216" }

local function put_extension(out, kind, bytes)
    if extension_heads[#bytes] then
        out:put(extension_heads[#bytes])
    else
        put_head(out, #bytes, 0, 0, "\199", "\200", "\201")
    end
    out:put(char(kind % 256), bytes)
end

--- A time, in the shortest of the three forms: seconds, or a table { seconds, nanoseconds }.
local function put_timestamp(out, value)
    local seconds, nanoseconds = value, 0
    if type(value) == "table" then
        seconds, nanoseconds = value.seconds, value.nanoseconds or 0
    elseif value % 1 ~= 0 then
        seconds = floor(value)
        nanoseconds = floor((value - seconds) * 1e9)
    end
    local high, low = int64.words(seconds)
    if seconds < 0 or seconds >= 2 ^ 34 then
        put_extension(out, -1, big_endian_32(nanoseconds) .. big_endian_32(high)
            .. big_endian_32(low))
    elseif nanoseconds == 0 and high == 0 then
        put_extension(out, -1, big_endian_32(low))
    else
        put_extension(out, -1, big_endian_32(nanoseconds * 4 + high) .. big_endian_32(low))
    end
end

local put, put_typed

local function check_depth(depth)
    if depth == MAX_DEPTH then
        refuse(("tables nested deeper than %d"):format(MAX_DEPTH))
    end
end

local function count_keys(value)
    local count = 0
    for _ in next, value do
        count = count + 1
    end
    return count
end

-- `element` is the type of what is inside, or nil.
local function put_list(out, value, element, depth)
    put_head(out, #value, 0x90, 16, nil, "\220", "\221")
    for i = 1, #value do
        put_typed(out, value[i], element, depth + 1)
    end
end

local function put_key(out, key, wanted)
    if wanted and (wanted.kind == "int" or wanted.kind == "uint") and type(key) == "string" then
        key = int64.parse(key) or key
    end
    put_typed(out, key, wanted, MAX_DEPTH)
end

local function put_map(out, value, wanted, depth)
    put_head(out, count_keys(value), 0x80, 16, nil, "\222", "\223")
    for key, item in next, value do
        put_key(out, key, wanted and wanted.key)
        put_typed(out, item, wanted and wanted.element, depth + 1)
    end
end

local function put_struct(out, value, wanted, depth)
    local present = {}
    for _, field in ipairs(wanted.fields) do
        if value[field.name] ~= nil then
            present[#present + 1] = field
        end
    end
    put_head(out, #present, 0x80, 16, nil, "\222", "\223")
    for _, field in ipairs(present) do
        put_text(out, field.name)
        put_typed(out, value[field.name], field.type, depth + 1)
    end
end

local function put_plain_table(out, value, depth)
    check_depth(depth)
    local length = type_check.list_length(value)
    if length and (length > 0 or getmetatable(value) == array_mark) then
        put_list(out, value, nil, depth)
    else
        put_map(out, value, nil, depth)
    end
end

local marked = {
    [marks.binary_mark] = function(out, value)
        put_binary(out, value.bytes)
    end,
    [marks.extension_mark] = function(out, value)
        put_extension(out, value.kind, value.bytes)
    end,
    [marks.timestamp_mark] = put_timestamp,
}

local by_lua_type = {
    ["nil"] = function(out)
        out:put("\192")
    end,
    boolean = function(out, value)
        out:put(value and "\195" or "\194")
    end,
    number = put_number,
    string = put_text,
    cdata = function(out, value)
        if not int64.kind(value) then
            refuse("a cdata")
        end
        put_integer(out, int64.simplify(value))
    end,
    table = function(out, value, depth)
        return (marked[getmetatable(value)] or put_plain_table)(out, value, depth)
    end,
}

--- Puts a value by what it is in Lua.
function put(out, value, depth)
    if value == null then
        value = nil
    end
    local put_value = by_lua_type[type(value)] or refuse("a " .. type(value))
    return put_value(out, value, depth)
end

local by_kind = {
    float = put_float,
    bytes = put_binary,
    time = put_timestamp,
    slice = function(out, value, wanted, depth)
        put_list(out, value, wanted.element, depth)
    end,
    map = put_map,
    struct = put_struct,
    pointer = function(out, value, wanted, depth)
        put_typed(out, value, wanted.element, depth)
    end,
}
by_kind.array = by_kind.slice

--- Puts a value that fits the type `wanted`; by what it is in Lua when that is nil.
function put_typed(out, value, wanted, depth)
    local put_value = wanted and value ~= nil and value ~= null and by_kind[wanted.kind]
    if not put_value then
        return put(out, value, depth)
    end
    check_depth(depth)
    put_value(out, value, wanted, depth)
end

return put_typed
