--- In turn, by the smooth weighted round robin of nginx: weights 5, 1 and 1 make it a a b a c a a.
-- Such a turn repeats itself, so it is written down while it is made, unless it is very long.
local excluding = require "perigee.balancer.excluding"

local round_robin = {}

local methods = {}
local metatable = { __index = methods }

local LONGEST_TURN = 16384

function round_robin.new(random)
    return setmetatable({ random = random, members = false }, metatable)
end

local function greatest_common_divisor(a, b)
    while b > 0 do
        a, b = b, a % b
    end
    return a
end

-- How many picks a turn has.
local function turn_length(members)
    local total, divisor = 0, 0
    for i = 1, #members do
        total = total + members[i].weight
        divisor = greatest_common_divisor(members[i].weight, divisor)
    end
    return total / divisor
end

-- Every caller begins somewhere else, or all would call the same instances at the same time.
local function rotate(members, first)
    local order = {}
    for i = 1, #members do
        order[i] = members[(first + i - 2) % #members + 1]
    end
    return order
end

local function prepare(self, members)
    local length = turn_length(members)
    self.members, self.length, self.position = members, length, 0
    self.order = rotate(members, self.random(#members))
    -- With equal weights the turn is the order itself.
    self.turn = length == #members and self.order or {}
    self.current, self.total = {}, 0
    for i = 1, #members do
        self.current[i] = 0
        self.total = self.total + members[i].weight
    end
end

-- One step of the algorithm: everybody gains its weight, the richest is taken and pays for all.
local function step(self)
    local order, current = self.order, self.current
    local best, most = 1, -math.huge
    for i = 1, #order do
        local sum = current[i] + order[i].weight
        current[i] = sum
        if sum > most then
            best, most = i, sum
        end
    end
    current[best] = most - self.total
    return order[best]
end

local function next_in_turn(self)
    local position = self.position % self.length + 1
    local member = self.turn[position]
    if not member then
        member = step(self)
        if self.length <= LONGEST_TURN then
            self.turn[position] = member
        end
    end
    self.position = position
    return member
end

function methods:pick(members, _, _, excluded)
    if self.members ~= members then
        prepare(self, members)
    end
    local member = next_in_turn(self)
    if not excluded or not excluded[member] then
        return member
    end
    local left = excluding(members, excluded)
    return left[self.random(#left)]
end

return round_robin
