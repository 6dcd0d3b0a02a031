--- By key, on a ring of hashes with bounded loads: a key goes to the same member as long as that is
-- there and has not taken over a quarter more than its share of all calls under way; then to the
-- next on the ring.
local check_key = require "perigee.balancer.check_key"
local excluding = require "perigee.balancer.excluding"
local hash_ring = require "perigee.balancer.hash_ring"

local consistent_hash = {}

local methods = {}
local metatable = { __index = methods }

local ceil = math.ceil

local LOAD_FACTOR = 1.25

function consistent_hash.new()
    return setmetatable({ members = false, ring = false, weight = 0 }, metatable)
end

local function prepare(self, members)
    self.members, self.ring, self.weight = members, hash_ring.new(members), 0
    for i = 1, #members do
        self.weight = self.weight + members[i].weight
    end
end

local function has_room(member, in_flight, weight)
    return member.in_flight + 1 <= ceil(LOAD_FACTOR * (in_flight + 1) * member.weight / weight)
end

-- The first of the ring behind `place` that has room and was not tried; nil when there is none.
local function search(self, place, excluded)
    local members, points = self.members, self.ring.points
    local in_flight = members.load.in_flight
    for i = place, place + #points - 1 do
        local member = members[hash_ring.owner(points[(i - 1) % #points + 1])]
        if not (excluded and excluded[member]) and has_room(member, in_flight, self.weight) then
            return member
        end
    end
end

function methods:pick(members, key, _, excluded)
    check_key(key)
    if self.members ~= members then
        prepare(self, members)
    end
    local place = hash_ring.search(self.ring, key)
    -- All that were not tried may be full; then it is one of them nevertheless.
    return search(self, place, excluded)
        or excluding(members, excluded)[1]
end

return consistent_hash
