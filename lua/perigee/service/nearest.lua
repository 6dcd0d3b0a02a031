--- The known word nearest to a mistyped one, for messages people can act on. Pure.
local function distance(a, b)
    local previous = {}
    for j = 0, #b do
        previous[j] = j
    end
    for i = 1, #a do
        local row = { [0] = i }
        for j = 1, #b do
            local cost = a:byte(i) == b:byte(j) and 0 or 1
            row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
        end
        previous = row
    end
    return previous[#b]
end

--- The one of `words` that differs from `word` by the fewest letters; nil when none is close.
return function(word, words)
    local best, best_distance
    for _, known in ipairs(words) do
        local letters = distance(word, known)
        if not best_distance or letters < best_distance then
            best, best_distance = known, letters
        end
    end
    if best_distance and best_distance <= math.max(2, math.floor(#word / 3)) then
        return best
    end
end
