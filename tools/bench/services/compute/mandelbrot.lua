--- Arithmetic in a loop that ends early: which points of a grid stay near the origin.
local SIZE, ITERATIONS = 1000, 100

local function is_inside(x, y)
    local a, b = 0, 0
    for _ = 1, ITERATIONS do
        local a_squared, b_squared = a * a, b * b
        if a_squared + b_squared > 4 then
            return false
        end
        a, b = a_squared - b_squared + x, 2 * a * b + y
    end
    return true
end

return function()
    local count = 0
    for row = 0, SIZE - 1 do
        for column = 0, SIZE - 1 do
            if is_inside(3 * column / SIZE - 2, 2 * row / SIZE - 1) then
                count = count + 1
            end
        end
    end
    assert(count == 257983, count)
end
