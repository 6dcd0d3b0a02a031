--- Instances, chance and counts for the specs of perigee.balancer.
local balancing = {}

--- A function as math.random whose sequence belongs to `seed` (Park and Miller's generator).
function balancing.random(seed)
    local state = seed
    return function(n)
        state = state * 48271 % 2147483647
        return state % n + 1
    end
end

--- Instance records "i001", "i002", ... with `weights`, a list; or as many as the number says.
function balancing.instances(weights)
    local list = {}
    for i = 1, type(weights) == "number" and weights or #weights do
        list[i] = { id = ("i%03d"):format(i), address = ("10.0.0.1:%d"):format(i),
            weight = type(weights) == "table" and weights[i] or 100, metadata = {} }
    end
    return list
end

--- How often pick(i) gave each id, for i from 1 to `count`.
function balancing.count(count, pick)
    local counts = {}
    for i = 1, count do
        local id = pick(i).instance.id
        counts[id] = (counts[id] or 0) + 1
    end
    return counts
end

return balancing
