--- Reads MessagePack (the specification of 2017): every format, from a string at an offset.
-- Failures are raised as tables { code, detail } and caught by perigee.rpc.msgpack.
local float64 = require "perigee.rpc.float64"
local int64 = require "perigee.rpc.int64"
local marks = require "perigee.rpc.msgpack.marks"
local null = require("perigee.json_encoder").null
local new_table = require "table.new"

local byte, sub = string.byte, string.sub

local MAX_DEPTH = 128
local MAX_PRESIZED = 64
local WORD = 2 ^ 32

local function fail(code, detail)
    error({ code = code, detail = detail }, 0)
end

local function cut_short()
    fail("incomplete", "the value goes on behind the end of the bytes")
end

local function read_8(bytes, position)
    return byte(bytes, position) or cut_short(), position + 1
end

local function read_16(bytes, position)
    local first, second = byte(bytes, position, position + 1)
    if not second then
        cut_short()
    end
    return first * 256 + second, position + 2
end

local function read_32(bytes, position)
    local first, second, third, fourth = byte(bytes, position, position + 3)
    if not fourth then
        cut_short()
    end
    return ((first * 256 + second) * 256 + third) * 256 + fourth, position + 4
end

local function read_words(bytes, position)
    local high = read_32(bytes, position)
    return high, (read_32(bytes, position + 4))
end

local function signed(read, bits)
    return function(bytes, position)
        local value
        value, position = read(bytes, position)
        return value >= 2 ^ (bits - 1) and value - 2 ^ bits or value, position
    end
end

local function of_words(convert)
    return function(bytes, position)
        return convert(read_words(bytes, position)), position + 8
    end
end

local function read_float32(bytes, position)
    local word
    word, position = read_32(bytes, position)
    return float64.from_float32(word), position
end

local function read_text(bytes, position, size)
    if size > #bytes - position + 1 then
        cut_short()
    end
    return sub(bytes, position, position + size - 1), position + size
end

-- Room for `count` values of at least `size` bytes in all.
local function enter(state, bytes, position, count, depth)
    state.values_left = state.values_left - count - 1
    if state.values_left < 0 then
        fail("too_large", "a message holds more values than a message may")
    elseif depth == MAX_DEPTH then
        fail("too_large", ("a value is nested deeper than %d"):format(MAX_DEPTH))
    elseif count > #bytes - position + 1 then
        cut_short()
    end
end

local read

local function read_array(bytes, position, count, state, depth)
    enter(state, bytes, position, count, depth)
    local list = new_table(count < MAX_PRESIZED and count or MAX_PRESIZED, 0)
    for i = 1, count do
        list[i], position = read(bytes, position, state, depth + 1)
    end
    return list, position
end

-- A key as a Lua table can have it, and find it again.
local function key_of(key)
    if key ~= key or key == null or type(key) == "table" then
        fail("malformed", "a map has a key that no Lua table can have")
    elseif type(key) == "cdata" then
        return int64.text(key)
    end
    return key
end

local function read_map(bytes, position, count, state, depth)
    enter(state, bytes, position, 2 * count, depth)
    local map = new_table(0, count < MAX_PRESIZED and count or MAX_PRESIZED)
    for _ = 1, count do
        local key
        key, position = read(bytes, position, state, depth + 1)
        map[key_of(key)], position = read(bytes, position, state, depth + 1)
    end
    return map, position
end

-- The three forms of a timestamp, by their size.
local timestamps = {
    [4] = function(content)
        return marks.timestamp((read_32(content, 1)), 0)
    end,
    [8] = function(content)
        local high, low = read_words(content, 1)
        return marks.timestamp(high % 4 * WORD + low, (high - high % 4) / 4)
    end,
    [12] = function(content)
        return marks.timestamp(int64.signed(read_words(content, 5)), (read_32(content, 1)))
    end,
}

local function read_extension(bytes, position, size)
    local kind, content
    kind, position = read_8(bytes, position)
    content, position = read_text(bytes, position, size)
    kind = kind >= 128 and kind - 256 or kind
    local timestamp = kind == -1 and timestamps[size]
    local value = timestamp and timestamp(content)
    if value and value.nanoseconds < 1e9 and type(value.seconds) == "number" then
        return value, position
    end
    return marks.extension(kind, content), position
end

local function sized(read_size, read_content)
    return function(bytes, position, state, depth)
        local size
        size, position = read_size(bytes, position)
        return read_content(bytes, position, size, state, depth)
    end
end

local function fixed(size, read_content)
    return function(bytes, position, state, depth)
        return read_content(bytes, position, size, state, depth)
    end
end

local function constant(value)
    return function(_, position)
        return value, position
    end
end

-- Readers by the first byte, which they find behind them.
local readers = {
    [0xc0] = constant(null), [0xc2] = constant(false), [0xc3] = constant(true),
    [0xc4] = sized(read_8, read_text), [0xc5] = sized(read_16, read_text),
    [0xc6] = sized(read_32, read_text),
    [0xc7] = sized(read_8, read_extension), [0xc8] = sized(read_16, read_extension),
    [0xc9] = sized(read_32, read_extension),
    [0xca] = read_float32, [0xcb] = of_words(float64.from_words),
    [0xcc] = read_8, [0xcd] = read_16, [0xce] = read_32, [0xcf] = of_words(int64.unsigned),
    [0xd0] = signed(read_8, 8), [0xd1] = signed(read_16, 16), [0xd2] = signed(read_32, 32),
    [0xd3] = of_words(int64.signed),
    [0xd4] = fixed(1, read_extension), [0xd5] = fixed(2, read_extension),
    [0xd6] = fixed(4, read_extension), [0xd7] = fixed(8, read_extension),
    [0xd8] = fixed(16, read_extension),
    [0xd9] = sized(read_8, read_text), [0xda] = sized(read_16, read_text),
    [0xdb] = sized(read_32, read_text),
    [0xdc] = sized(read_16, read_array), [0xdd] = sized(read_32, read_array),
    [0xde] = sized(read_16, read_map), [0xdf] = sized(read_32, read_map),
}
for low = 0, 31 do
    readers[0xa0 + low] = fixed(low, read_text)
end
for low = 0, 15 do
    readers[0x80 + low], readers[0x90 + low] = fixed(low, read_map), fixed(low, read_array)
end

-- Reads one value. `state.values_left` bounds how many tables and elements there may be.
function read(bytes, position, state, depth)
    local first = byte(bytes, position) or cut_short()
    position = position + 1
    if first < 128 then
        return first, position
    elseif first >= 224 then
        return first - 256, position
    end
    local read_rest = readers[first] or fail("malformed", "c1 begins no value")
    return read_rest(bytes, position, state, depth)
end

return read
