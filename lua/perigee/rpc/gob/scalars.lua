--- The scalars of gob, read from a string at an offset. Each reader takes the bytes and a position,
-- and returns the value and the position behind it.
--
-- What is wrong with the bytes is raised as a table { code, detail } and caught where a message is
-- entered (gob.decoder): readers are called once a field, and a check of each result would cost
-- more than the reading.
local float64 = require "perigee.rpc.float64"
local int64 = require "perigee.rpc.int64"

local byte, floor, sub = string.byte, math.floor, string.sub

local scalars = {}

local MAX_DELTA = 65535 -- more fields than a struct may have
local MAX_COUNT = 2 ^ 32 -- more bytes than any message
local WORD = 2 ^ 32

--- Ends the reading of a message.
-- @param code "malformed" or "too_large"
function scalars.fail(code, detail)
    error({ code = code, detail = detail }, 0)
end

local fail = scalars.fail

local function cut_short()
    fail("malformed", "a value reaches past the end of its message")
end

scalars.cut_short = cut_short

-- The words of an integer of `size` bytes.
local function read_words(bytes, position, size)
    local high, low = 0, 0
    for i = position, position + size - 1 do
        local octet = byte(bytes, i) or cut_short()
        high = high * 256 % WORD + floor(low / 2 ^ 24)
        low = low * 256 % WORD + octet
    end
    return high, low
end

local function size_of(first)
    if first < 248 then
        fail("malformed", ("an integer begins with %02x"):format(first))
    end
    return 256 - first
end

local function read_long_uint(bytes, position, first)
    local size = size_of(first)
    if size == 1 then
        return byte(bytes, position + 1) or cut_short(), position + 2
    elseif size == 2 then
        local second, third = byte(bytes, position + 1, position + 2)
        if not third then
            cut_short()
        end
        return second * 256 + third, position + 3
    end
    local high, low = read_words(bytes, position + 1, size)
    return int64.unsigned(high, low), position + 1 + size
end

function scalars.uint(bytes, position)
    local first = byte(bytes, position) or cut_short()
    if first < 128 then
        return first, position + 1
    end
    return read_long_uint(bytes, position, first)
end

-- The lowest bit of an integer is its sign, the rest its value or the complement of it.
local function read_long_int(bytes, position, first)
    local size = size_of(first)
    local high, low = read_words(bytes, position + 1, size)
    position = position + 1 + size
    if high < 2 ^ 20 then
        local value = high * WORD + low
        return value % 2 == 0 and value / 2 or -(value + 1) / 2, position
    end
    local half_low = floor(low / 2) + high % 2 * 2 ^ 31
    local half_high = floor(high / 2)
    if low % 2 == 1 then
        half_high, half_low = WORD - 1 - half_high, WORD - 1 - half_low
    end
    return int64.signed(half_high, half_low), position
end

function scalars.int(bytes, position)
    local first = byte(bytes, position) or cut_short()
    if first < 128 then
        return first % 2 == 0 and first / 2 or -(first + 1) / 2, position + 1
    end
    return read_long_int(bytes, position, first)
end

function scalars.bool(bytes, position)
    local value
    value, position = scalars.uint(bytes, position)
    return value ~= 0, position
end

-- The bytes of a double are reversed, so that those of small integers are few.
local function read_long_float(bytes, position, first)
    local size = size_of(first)
    local high, low = 0, 0
    for i = position + 1, position + size do
        local octet = byte(bytes, i) or cut_short()
        low = floor(low / 256) + high % 256 * 2 ^ 24
        high = floor(high / 256) + octet * 2 ^ 24
    end
    return float64.from_words(high, low), position + 1 + size
end

function scalars.float(bytes, position)
    local first = byte(bytes, position) or cut_short()
    if first == 0 then
        return 0, position + 1
    elseif first < 128 then
        return float64.from_words(first * 2 ^ 24, 0), position + 1
    end
    return read_long_float(bytes, position, first)
end

function scalars.string(bytes, position)
    local size
    size, position = scalars.uint(bytes, position)
    if size > #bytes - position + 1 then
        cut_short()
    end
    size = tonumber(size)
    return sub(bytes, position, position + size - 1), position + size
end

function scalars.complex(bytes, position)
    local real, imag
    real, position = scalars.float(bytes, position)
    imag, position = scalars.float(bytes, position)
    return { real = real, imag = imag }, position
end

--- A count of elements. Some may come in a later message, so that it is no fault when it is larger
-- than the bytes that are there; who reads them bounds it.
function scalars.count(bytes, position)
    local count
    count, position = scalars.uint(bytes, position)
    if count > MAX_COUNT then
        cut_short()
    end
    return count, position
end

--- The number of the field that follows `field`, which is -1 before the first; nil at the end of a
-- struct.
function scalars.next_field(bytes, position, field)
    local delta = byte(bytes, position) or cut_short()
    if delta == 0 then
        return nil, position + 1
    elseif delta < 128 then
        return field + delta, position + 1
    end
    delta, position = read_long_uint(bytes, position, delta)
    if delta > MAX_DELTA then
        fail("malformed", "a field number is out of bounds")
    end
    return delta ~= 0 and field + delta or nil, position
end

local SECONDS_TO_1970 = 62135596800

local function read_offset(bytes, position)
    local first, second, seconds = byte(bytes, position, position + 2)
    local minutes = first * 256 + second
    if minutes == 65535 then
        return nil -- UTC
    end
    return (minutes >= 2 ^ 15 and minutes - 2 ^ 16 or minutes) * 60 + (seconds or 0)
end

--- The time that the bytes of Go's time.Time stand for; nil when they are none.
function scalars.time_of(bytes)
    local version = byte(bytes, 1)
    if not (version == 1 and #bytes == 15 or version == 2 and #bytes == 16) then
        return nil
    end
    local seconds = int64.signed(read_words(bytes, 2, 8))
    local _, nanoseconds = read_words(bytes, 10, 4)
    if type(seconds) ~= "number" or nanoseconds >= 1e9 then
        return nil
    end
    return { seconds = seconds - SECONDS_TO_1970, nanoseconds = nanoseconds,
        offset = read_offset(bytes, 14) }
end

function scalars.time(bytes, position)
    local text
    text, position = scalars.string(bytes, position)
    return scalars.time_of(text) or text, position
end

return scalars
