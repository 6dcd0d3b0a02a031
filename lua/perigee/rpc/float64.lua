--- Doubles of IEEE 754 as two words of 32 bits, by arithmetic: without FFI, so that nothing here
-- can reach memory, and as fast once it is compiled.
local floor, frexp, huge, ldexp = math.floor, math.frexp, math.huge, math.ldexp

local float64 = {}

local WORD = 2 ^ 32

--- The double whose words these are.
function float64.from_words(high, low)
    local sign = high >= 2 ^ 31 and -1 or 1
    local exponent = floor(high / 2 ^ 20) % 2 ^ 11
    local fraction = high % 2 ^ 20 * WORD + low
    if exponent == 2047 then
        return fraction == 0 and sign * huge or 0 / 0
    elseif exponent == 0 then
        return sign * ldexp(fraction, -1074)
    end
    return sign * ldexp(fraction + 2 ^ 52, exponent - 1075)
end

--- The number that a float of 32 bits stands for.
function float64.from_float32(word)
    local sign = word >= 2 ^ 31 and -1 or 1
    local exponent = floor(word / 2 ^ 23) % 2 ^ 8
    local fraction = word % 2 ^ 23
    if exponent == 255 then
        return fraction == 0 and sign * huge or 0 / 0
    elseif exponent == 0 then
        return sign * ldexp(fraction, -149)
    end
    return sign * ldexp(fraction + 2 ^ 23, exponent - 150)
end

-- Zero, infinity and NaN.
local function words_of_special(value)
    if value ~= value then
        return 0x7ff80000, 1 -- Go's NaN
    elseif value == 0 then
        return 1 / value < 0 and 2 ^ 31 or 0, 0
    end
    return value < 0 and 0xfff00000 or 0x7ff00000, 0
end

--- The words of a double: high, low.
function float64.words(value)
    if value == 0 or value - value ~= 0 then
        return words_of_special(value)
    end
    local sign = value < 0 and 2 ^ 31 or 0
    local fraction, exponent = frexp(value < 0 and -value or value)
    local biased = exponent + 1022
    if biased <= 0 then
        fraction, biased = ldexp(fraction, 52 + biased), 0
    else
        fraction = (fraction * 2 - 1) * 2 ^ 52
    end
    local low = fraction % WORD
    return sign + biased * 2 ^ 20 + (fraction - low) / WORD, low
end

return float64
