--- The scalars of gob, appended to a string.buffer. The opposite of perigee.rpc.gob.scalars.
--
-- What does not fit its type is raised as `append.MISFIT`; whoever encodes a whole value catches it
-- and finds out what to tell (perigee.rpc.type_check).
local float64 = require "perigee.rpc.float64"
local int64 = require "perigee.rpc.int64"
local json_encoder = require "perigee.json_encoder"
local type_check = require "perigee.rpc.type_check"
local buffer = require "string.buffer"

local char, floor = string.char, math.floor
local band, rshift = bit.band, bit.rshift

local append = {
    --- Says that a value does not fit its type.
    MISFIT = {},
}

local MISFIT, null = append.MISFIT, json_encoder.null
local WORD = 2 ^ 32
local MAX_SMALL = 2 ^ 52 -- twice of it is exact

function append.misfit()
    error(MISFIT, 0)
end

local misfit = append.misfit

local characters = {}
for code = 0, 255 do
    characters[code] = char(code)
end

local function put_3(out, value)
    out:put(characters[rshift(value, 16)], characters[band(rshift(value, 8), 255)],
        characters[band(value, 255)])
end

local function put_4(out, value)
    out:put(characters[rshift(value, 24)], characters[band(rshift(value, 16), 255)],
        characters[band(rshift(value, 8), 255)], characters[band(value, 255)])
end

-- The head of an integer of more than four bytes, and its high word.
local function put_high(out, high)
    if high >= 2 ^ 24 then
        out:put("\248")
        put_4(out, high)
    elseif high >= 65536 then
        out:put("\249")
        put_3(out, high)
    elseif high >= 256 then
        out:put("\250", characters[rshift(high, 8)], characters[band(high, 255)])
    else
        out:put("\251", characters[high])
    end
end

-- An unsigned integer as two words, at least 65536.
local function append_words(out, high, low)
    if high > 0 then
        put_high(out, high)
        put_4(out, low)
    elseif low >= 2 ^ 24 then
        out:put("\252")
        put_4(out, low)
    else
        out:put("\253")
        put_3(out, low)
    end
end

-- An unsigned integer below 2^53.
local function append_small(out, value)
    if value < 128 then
        out:put(characters[value])
    elseif value < 256 then
        out:put("\255", characters[value])
    elseif value < 65536 then
        out:put("\254", characters[rshift(value, 8)], characters[band(value, 255)])
    else
        local low = value % WORD
        append_words(out, (value - low) / WORD, low)
    end
end

append.small = append_small

-- A signed integer: its bits and in front of the lowest its sign.
local function append_big_int(out, value)
    local high, low = int64.words(value)
    if value < 0 then
        high, low = WORD - 1 - high, WORD - 1 - low
    end
    high = high * 2 % WORD + floor(low / 2 ^ 31)
    low = low * 2 % WORD + (value < 0 and 1 or 0)
    append_words(out, high, low)
end

-- An integer that is a cdata, or beyond what doubles hold when its sign is in front; or none.
local function append_other_int(out, value, bits)
    if not type_check.is_integer(value, true, bits) then
        misfit()
    end
    value = int64.simplify(value)
    if value >= -MAX_SMALL and value < MAX_SMALL then
        return append_small(out, value >= 0 and value * 2 or -value * 2 - 1)
    end
    append_big_int(out, value)
end

--- An integer of a declared number of bits.
function append.int(out, value, bits)
    if type(value) ~= "number" or bits == 64 and (value < -MAX_SMALL or value >= MAX_SMALL) then
        return append_other_int(out, value, bits)
    end
    local bound = 2 ^ (bits - 1)
    if value % 1 ~= 0 or value < -bound or value >= bound then
        misfit()
    end
    append_small(out, value >= 0 and value * 2 or -value * 2 - 1)
end

function append.uint(out, value, bits)
    if type(value) ~= "number" or value % 1 ~= 0 or value < 0 or value >= MAX_SMALL then
        if not type_check.is_integer(value, false, bits) then
            misfit()
        end
        local high, low = int64.words(value)
        if high > 0 then
            return append_words(out, high, low)
        end
        value = low
    elseif value >= 2 ^ bits then
        misfit()
    end
    append_small(out, value)
end

-- The bytes of a word in reverse.
local function reverse(word)
    return (band(word, 255) * 256 + band(rshift(word, 8), 255)) * 65536
        + band(rshift(word, 16), 255) * 256 + rshift(word, 24)
end

function append.float(out, value)
    if type(value) ~= "number" then
        misfit()
    end
    local high, low = float64.words(value)
    high, low = reverse(low), reverse(high)
    if high == 0 and low < 65536 then
        return append_small(out, low)
    end
    append_words(out, high, low)
end

function append.bool(out, value)
    if type(value) ~= "boolean" then
        misfit()
    end
    out:put(value and "\1" or "\0")
end

function append.string(out, value)
    if type(value) ~= "string" then
        misfit()
    end
    append_small(out, #value)
    out:put(value)
end

function append.complex(out, value)
    if type(value) ~= "table" then
        misfit()
    end
    append.float(out, value.real)
    append.float(out, value.imag)
end

local SECONDS_TO_1970 = 62135596800

-- The two bytes, or three, that tell how far a zone is from UTC.
local function offset_bytes(offset)
    if not offset then
        return "\255\255"
    end
    local minutes = (offset - offset % 60) / 60
    local rest = offset % 60
    minutes = minutes % 65536
    return char(floor(minutes / 256), minutes % 256) .. (rest > 0 and char(rest) or "")
end

local function time_fields(value)
    if type(value) == "number" then
        local seconds = floor(value)
        return seconds, floor((value - seconds) * 1e9), nil
    end
    return value.seconds, value.nanoseconds or 0, value.offset
end

local function big_endian(word)
    return char(rshift(word, 24), band(rshift(word, 16), 255), band(rshift(word, 8), 255),
        band(word, 255))
end

--- The bytes of Go's time.Time.
function append.time(out, value)
    if not type_check.is_time(value) then
        misfit()
    end
    local seconds, nanoseconds, offset = time_fields(value)
    local high, low = int64.words(seconds + SECONDS_TO_1970)
    local zone = offset_bytes(offset)
    out:put(#zone == 3 and "\16\2" or "\15\1", big_endian(high), big_endian(low),
        big_endian(nanoseconds), zone)
end

-- What an interface holds, by the Lua type: the name of Go's type, and a value of a basic type.
local interfaces = {
    boolean = { "\4bool\2", append.bool },
    string = { "\6string\12", append.string },
    int = { "\3int\4", append.int },
    float = { "\7float64\8", append.float },
    int64 = { "\5int64\4", append.int },
    uint64 = { "\6uint64\6", append.uint },
}

local function interface_kind(value)
    if type(value) == "number" then
        return int64.is_exact(value) and "int" or "float"
    end
    return type(value) == "cdata" and int64.kind(value) or type(value)
end

-- Basic types hold nothing of a service's, so nobody else runs while this is in use.
local content = buffer.new()

--- The value of an interface: nil, or one of a basic type.
function append.interface(out, value)
    if value == nil or value == null then
        out:put("\0")
        return
    end
    local interface = interfaces[interface_kind(value)] or misfit()
    content:reset()
    interface[2](content, value, 64)
    out:put(interface[1])
    append_small(out, #content + 1)
    out:put("\0", content)
end

return append
