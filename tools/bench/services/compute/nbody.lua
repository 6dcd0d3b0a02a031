--- Fields of records in nested loops: bodies that attract each other, whose energy must stay.
local STEPS, STEP_S = 1200000, 0.001

local function new_bodies()
    return {
        { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, mass = 40 },
        { x = 5, y = -1, z = 0.1, vx = 0.5, vy = 2.7, vz = 0.1, mass = 0.04 },
        { x = 8, y = 4, z = -0.4, vx = -1, vy = 1.8, vz = 0.05, mass = 0.01 },
        { x = -13, y = 15, z = 0.2, vx = -1, vy = -0.9, vz = 0, mass = 0.002 },
        { x = 15, y = -26, z = 0.3, vx = 1, vy = 0.6, vz = -0.05, mass = 0.002 },
    }
end

local function energy(bodies)
    local sum = 0
    for i, a in ipairs(bodies) do
        sum = sum + a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz) / 2
        for j = i + 1, #bodies do
            local b = bodies[j]
            local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            sum = sum - a.mass * b.mass / math.sqrt(dx * dx + dy * dy + dz * dz)
        end
    end
    return sum
end

local function attract(a, b)
    local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
    local square = dx * dx + dy * dy + dz * dz
    local pull = STEP_S / (square * math.sqrt(square))
    local pull_a, pull_b = b.mass * pull, a.mass * pull
    a.vx, a.vy, a.vz = a.vx - dx * pull_a, a.vy - dy * pull_a, a.vz - dz * pull_a
    b.vx, b.vy, b.vz = b.vx + dx * pull_b, b.vy + dy * pull_b, b.vz + dz * pull_b
end

local function advance(bodies, pairs_of_bodies)
    for i = 1, #pairs_of_bodies, 2 do
        attract(pairs_of_bodies[i], pairs_of_bodies[i + 1])
    end
    for _, body in ipairs(bodies) do
        body.x = body.x + STEP_S * body.vx
        body.y = body.y + STEP_S * body.vy
        body.z = body.z + STEP_S * body.vz
    end
end

local function all_pairs(bodies)
    local list = {}
    for i = 1, #bodies do
        for j = i + 1, #bodies do
            list[#list + 1], list[#list + 2] = bodies[i], bodies[j]
        end
    end
    return list
end

return function()
    local bodies = new_bodies()
    local pairs_of_bodies = all_pairs(bodies)
    local before = energy(bodies)
    for _ = 1, STEPS do
        advance(bodies, pairs_of_bodies)
    end
    assert(math.abs(energy(bodies) / before - 1) < 1e-3)
end
