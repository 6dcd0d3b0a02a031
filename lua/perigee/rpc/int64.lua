--- 64-bit integers as Lua sees them: a number as long as a number is exact, beyond 2^53 in
-- magnitude an int64 or uint64 cdata (`9007199254740993LL`). Codecs meet them as two words of 32
-- bits.
local band, rshift = bit.band, bit.rshift
local find, format, gsub, tonumber, tostring = string.find, string.format, string.gsub, tonumber,
    tostring

local int64 = {}

local WORD = 2 ^ 32
local MAX_EXACT = 2 ^ 53
local EXACT_WORD = 2 ^ 21 -- a high word below it makes a number that is exact
local MIN, MAX = -9223372036854775807LL - 1, 9223372036854775807LL
local MAX_UNSIGNED = 18446744073709551615ULL

--- Whether a number is an integer, and exact. Beyond 2^53 integers are no numbers: a number there
-- has come from fractions.
function int64.is_exact(number)
    return number % 1 == 0 and number <= MAX_EXACT and number >= -MAX_EXACT
end

--- "int64" or "uint64" for a cdata of that type, otherwise nil.
function int64.kind(value)
    if type(value) ~= "cdata" then
        return nil
    end
    local text = tostring(value)
    if find(text, "^%-?%d+LL$") then
        return "int64"
    end
    return find(text, "^%d+ULL$") and "uint64" or nil
end

--- The number of a cdata that a number can hold; any other value as it is.
function int64.simplify(value)
    local kind = int64.kind(value)
    if kind == "int64" and value >= -MAX_EXACT and value <= MAX_EXACT
        or kind == "uint64" and value <= MAX_EXACT + 0ULL then
        return tonumber(value)
    end
    return value
end

--- The unsigned integer of two words.
function int64.unsigned(high, low)
    if high < EXACT_WORD then
        return high * WORD + low
    end
    return int64.simplify((0ULL + high) * 0x100000000ULL + low)
end

--- The signed integer whose two's complement the words are.
function int64.signed(high, low)
    if high < EXACT_WORD then
        return high * WORD + low
    elseif high >= WORD - EXACT_WORD then
        return (high - WORD) * WORD + low
    end
    return int64.simplify((0LL + high) * 0x100000000LL + low)
end

--- The words of an integral number between -2^63 and 2^64, or of an int64 or uint64: high, low.
function int64.words(value)
    if type(value) == "number" then
        local low = value % WORD
        return (value - low) / WORD % WORD, low
    end
    return tonumber(band(rshift(value, 32), 0xffffffffLL)), tonumber(band(value, 0xffffffffLL))
end

local function fits_signed(value, kind)
    return kind == "int64" or kind == "uint64" and value <= 0x7fffffffffffffffULL
end

local function fits_unsigned(value, kind)
    return kind == "uint64" or kind == "int64" and value >= 0LL
end

--- Whether a cdata is a 64-bit integer that a signed or unsigned type of `bits` can hold.
function int64.fits(value, is_signed, bits)
    local kind = int64.kind(value)
    if not kind then
        return false
    elseif not is_signed then
        return fits_unsigned(value, kind)
            and (bits == 64 or 0ULL + value <= 2 ^ bits - 1 + 0ULL)
    end
    return fits_signed(value, kind) and (bits == 64
        or 0LL + value >= -2 ^ (bits - 1) + 0LL and 0LL + value <= 2 ^ (bits - 1) - 1 + 0LL)
end

--- The decimal digits of an integral number or a 64-bit integer.
function int64.text(value)
    if type(value) ~= "number" then
        return (gsub(tostring(value), "U?LL$", ""))
    elseif value >= 2 ^ 63 then
        return int64.text(0ULL + value)
    end
    return format("%d", value)
end

-- Digits with a bound as text of the same length, so that they compare as texts do.
local function is_beyond(digits, bound)
    local limit = int64.text(bound):gsub("^%-", "")
    return #digits > #limit or #digits == #limit and digits > limit
end

local function from_digits(digits, zero)
    local value = zero
    for i = 1, #digits do
        value = value * 10 + (digits:byte(i) - 48)
    end
    return value
end

--- The integer that decimal digits with an optional minus sign stand for; nil when the text is
-- something else, or does not fit into 64 bits.
function int64.parse(text)
    local sign, digits = text:match("^(%-?)0*(%d+)$")
    if not digits then
        return nil
    elseif #digits < 16 then
        return tonumber(text)
    elseif sign == "-" then
        return not is_beyond(digits, MIN) and int64.simplify(-from_digits(digits, 0LL)) or nil
    elseif is_beyond(digits, MAX_UNSIGNED) then
        return nil
    end
    return int64.simplify(from_digits(digits, is_beyond(digits, MAX) and 0ULL or 0LL))
end

return int64
