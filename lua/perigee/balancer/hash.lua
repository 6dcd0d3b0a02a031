--- A hash of a text that is the same in every process: FNV-1a in 32 bits, mixed at the end as
-- MurmurHash3 does, because the last bytes of keys such as "user-17" tell them apart.
local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit

local FNV_BASIS = 0x811c9dc5

-- FNV's prime is 2^24 + 403.
local FNV_SHIFT, FNV_REST = 24, 403

-- a * b in 32 bits. Parts of 16 bits keep the products exact.
local function multiply(a, b)
    return tobit(band(a, 0xffff) * b + lshift(tobit(rshift(a, 16) * b), 16))
end

local function mix(hash)
    hash = multiply(bxor(hash, rshift(hash, 16)), 0x85ebca6b)
    hash = multiply(bxor(hash, rshift(hash, 13)), 0xc2b2ae35)
    return bxor(hash, rshift(hash, 16))
end

--- A whole number from 0 to 2^32 - 1. `seed`, a whole number, makes hashes that have nothing in
-- common; 0 when it is left out.
return function(text, seed)
    local hash = bxor(FNV_BASIS, seed or 0)
    for i = 1, #text do
        hash = bxor(hash, text:byte(i))
        hash = tobit(lshift(hash, FNV_SHIFT) + hash * FNV_REST)
    end
    return mix(hash) % 2 ^ 32
end
