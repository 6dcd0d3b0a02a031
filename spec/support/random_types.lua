--- Types and values of them at random, for round trips. `random` is math.random or the like.
local random_types = {}

local SCALARS = { "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16",
    "uint32", "uint64", "float64", "string", "bytes", "time", "complex128" }
local KEYS = { "string", "int", "int16", "uint8", "bool" }

--- A notation of perigee.rpc.types, nested at most `depth` times.
function random_types.notation(random, depth)
    local shape = depth == 0 and 1 or random(1, 8)
    local function inner()
        return random_types.notation(random, depth - 1)
    end
    if shape <= 2 then
        return SCALARS[random(1, #SCALARS)]
    elseif shape <= 4 then
        local struct = {}
        for i = 1, random(1, 6) do
            struct[i] = { ("Field%d"):format(i), inner() }
        end
        return struct
    elseif shape == 5 then
        return { "[]", inner() }
    elseif shape == 6 then
        return { ("[%d]"):format(random(1, 3)), inner() }
    elseif shape == 7 then
        return { ("map[%s]"):format(KEYS[random(1, #KEYS)]), inner() }
    end
    return { "[]*", { { "Inside", inner() } } }
end

local function integer(random, is_signed, bits)
    local size = random(0, bits - (is_signed and 1 or 0))
    if bits == 64 and size > 52 then
        local value = random(0, 2 ^ 31 - 1) * 2147483648LL + random(0, 2 ^ 31 - 1)
        return is_signed and random(2) == 1 and -value - 1 or is_signed and value or 0ULL + value
    end
    local value = math.floor(random() * 2 ^ size)
    return is_signed and random(2) == 1 and -value or value
end

local function text(random)
    local characters = {}
    for i = 1, random(0, 1) * random(0, 300) do
        characters[i] = string.char(random(0, 255))
    end
    return table.concat(characters)
end

local function float(random)
    local forms = { random(-100, 100), random() * 10 ^ random(-300, 300), -random(), 1 / 0,
        2 ^ -1074, random() * 2 ^ -1060 }
    return forms[random(1, #forms)]
end

local makers = {
    bool = function(_, random)
        return random(2) == 1
    end,
    int = function(wanted, random)
        return integer(random, true, wanted.bits)
    end,
    uint = function(wanted, random)
        return integer(random, false, wanted.bits)
    end,
    float = function(_, random)
        return float(random)
    end,
    string = function(_, random)
        return text(random)
    end,
    complex = function(_, random)
        return { real = float(random), imag = float(random) }
    end,
    time = function(_, random)
        return { seconds = random(-2 ^ 31, 2 ^ 31 - 1), nanoseconds = random(0, 999999999),
            offset = random(2) == 1 and random(0, 800) * 60 or nil }
    end,
}
makers.bytes = makers.string

local function list(wanted, random, count)
    local value = {}
    for i = 1, count do
        value[i] = random_types.value(wanted.element, random)
    end
    return value
end

function makers.slice(wanted, random)
    return list(wanted, random, random(0, 4))
end

function makers.array(wanted, random)
    return list(wanted, random, wanted.length)
end

function makers.map(wanted, random)
    local value = {}
    for _ = 1, random(0, 4) do
        local key = random_types.value(wanted.key, random)
        if type(key) ~= "cdata" then
            value[key] = random_types.value(wanted.element, random)
        end
    end
    return value
end

function makers.struct(wanted, random)
    local value = {}
    for _, field in ipairs(wanted.fields) do
        value[field.name] = random_types.value(field.type, random)
    end
    return value
end

function makers.pointer(wanted, random)
    return random_types.value(wanted.element, random)
end

--- A value of a type: with all fields, as a decoder gives it.
function random_types.value(wanted, random)
    return makers[wanted.kind](wanted, random)
end

--- Whether two values are equal, 64-bit integers by what they are.
function random_types.is_equal(one, other)
    if type(one) ~= "table" or type(other) ~= "table" then
        return type(one) == type(other) and (one == other or one ~= one and other ~= other)
    end
    for key, value in pairs(one) do
        if not random_types.is_equal(value, other[key]) then
            return false
        end
    end
    for key in pairs(other) do
        if one[key] == nil then
            return false
        end
    end
    return true
end

return random_types
