--- Floating point over arrays with a call in the innermost loop: the power method on a matrix.
local SIZE, STEPS = 500, 120

local function element(i, j)
    local diagonal = i + j
    return 1 / (diagonal * (diagonal + 1) / 2 + i + 1)
end

local function multiply(vector, result)
    for i = 0, SIZE - 1 do
        local sum = 0
        for j = 0, SIZE - 1 do
            sum = sum + element(i, j) * vector[j]
        end
        result[i] = sum
    end
end

local function multiply_transposed(vector, result)
    for i = 0, SIZE - 1 do
        local sum = 0
        for j = 0, SIZE - 1 do
            sum = sum + element(j, i) * vector[j]
        end
        result[i] = sum
    end
end

return function()
    local u, v, between = {}, {}, {}
    for i = 0, SIZE - 1 do
        u[i] = 1
    end
    for _ = 1, STEPS do
        multiply(u, between)
        multiply_transposed(between, v)
        multiply(v, between)
        multiply_transposed(between, u)
    end
    local product, square = 0, 0
    for i = 0, SIZE - 1 do
        product = product + u[i] * v[i]
        square = square + v[i] * v[i]
    end
    assert(math.abs(math.sqrt(product / square) - 1.274224) < 1e-5)
end
