--- Arrays of booleans in tight loops: the primes below two million, several times.
local LIMIT, ROUNDS = 2e6, 6

local function count_primes(limit)
    local is_composite, count = {}, 0
    for i = 1, limit do
        is_composite[i] = false
    end
    for i = 2, limit do
        if not is_composite[i] then
            count = count + 1
            for multiple = i * i, limit, i do
                is_composite[multiple] = true
            end
        end
    end
    return count
end

return function()
    for _ = 1, ROUNDS do
        assert(count_primes(LIMIT) == 148933)
    end
end
