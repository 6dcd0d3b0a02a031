--- By chance, each as often as its weight says.
local excluding = require "perigee.balancer.excluding"

local weighted_random = {}

local methods = {}
local metatable = { __index = methods }

function weighted_random.new(random)
    return setmetatable({ random = random, members = false, sums = {}, total = 0 }, metatable)
end

-- Sums of weights up to each member, as far as they are not all equal.
local function prepare(self, members)
    local total, is_equal = 0, true
    local sums = {}
    for i = 1, #members do
        total = total + members[i].weight
        sums[i] = total
        is_equal = is_equal and members[i].weight == members[1].weight
    end
    self.members, self.total = members, total
    self.sums = not is_equal and sums or false
end

-- The first of `sums` that is not below `number`.
local function search(sums, number)
    local low, high = 1, #sums
    while low < high do
        local middle = (low + high - (low + high) % 2) / 2
        if sums[middle] < number then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

function methods:pick(members, _, _, excluded)
    members = excluding(members, excluded)
    if self.members ~= members then
        prepare(self, members)
    end
    local sums = self.sums
    return members[sums and search(sums, self.random(self.total)) or self.random(#members)]
end

return weighted_random
