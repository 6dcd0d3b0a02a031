--- Recursion with tables of marks: the ways to put queens on a board.
local SIZE, ROUNDS = 10, 40

local function place(row, columns, up, down)
    if row > SIZE then
        return 1
    end
    local count = 0
    for column = 1, SIZE do
        local rising, falling = row + column, row - column + SIZE
        if not columns[column] and not up[rising] and not down[falling] then
            columns[column], up[rising], down[falling] = true, true, true
            count = count + place(row + 1, columns, up, down)
            columns[column], up[rising], down[falling] = false, false, false
        end
    end
    return count
end

return function()
    for _ = 1, ROUNDS do
        assert(place(1, {}, {}, {}) == 724)
    end
end
