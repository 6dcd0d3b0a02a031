--- Allocation and collection: many small trees while a large one lives on.
local DEPTH, ROUNDS = 14, 80

local function grow(depth)
    if depth == 0 then
        return {}
    end
    return { grow(depth - 1), grow(depth - 1) }
end

local function count(tree)
    if not tree[1] then
        return 1
    end
    return 1 + count(tree[1]) + count(tree[2])
end

return function()
    local lasting = grow(DEPTH)
    for _ = 1, ROUNDS do
        assert(count(grow(DEPTH)) == 2 ^ (DEPTH + 1) - 1)
    end
    assert(count(lasting) == 2 ^ (DEPTH + 1) - 1)
end
