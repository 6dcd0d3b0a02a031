--- By key, on a table as in Google's Maglev: each member takes places of the table in turn, in an
-- order of its own, until all are taken. A look-up is one access and the spread is more even than
-- on a ring; when the list changes some more keys move.
local check_key = require "perigee.balancer.check_key"
local excluding = require "perigee.balancer.excluding"
local hash = require "perigee.balancer.hash"

local maglev = {}

local methods = {}
local metatable = { __index = methods }

-- A prime, so that each member's order visits every place. With a hundred places a member or more
-- the shares differ by 1 %.
local SIZE = 65537

-- How far behind a member that was tried another is looked for.
local SEARCHED = 100

function maglev.new()
    return setmetatable({ members = false, places = false }, metatable)
end

-- Members in the order of their ids with what says which places they want; the same for everybody
-- who has the same list.
local function wishes_of(members)
    local wishes, most = {}, 0
    for i = 1, #members do
        local id = members[i].instance.id
        wishes[i] = { id = id, member = members[i], credit = 0, next = hash(id) % SIZE,
            skip = hash(id, 1) % (SIZE - 1) + 1 }
        most = math.max(most, members[i].weight)
    end
    table.sort(wishes, function(a, b) return a.id < b.id end)
    return wishes, most
end

-- Takes the next place that is free.
local function take(wish, places)
    local place = wish.next
    while places[place] do
        place = (place + wish.skip) % SIZE
    end
    places[place] = wish.member
    wish.next = (place + wish.skip) % SIZE
end

-- In each round everybody takes one place, those of less weight only in some.
local function fill(members)
    local places, taken = {}, 0
    local wishes, most = wishes_of(members)
    for place = 0, SIZE - 1 do
        places[place] = false
    end
    while taken < SIZE do
        for i = 1, #wishes do
            local wish = wishes[i]
            wish.credit = wish.credit + wish.member.weight
            if wish.credit >= most and taken < SIZE then
                wish.credit = wish.credit - most
                take(wish, places)
                taken = taken + 1
            end
        end
    end
    return places
end

function methods:pick(members, key, _, excluded)
    check_key(key)
    if self.members ~= members then
        self.members, self.places = members, fill(members)
    end
    local first = hash(key) % SIZE
    local member = self.places[first]
    if not excluded or not excluded[member] then
        return member
    end
    for i = 1, SEARCHED do
        member = self.places[(first + i) % SIZE]
        if not excluded[member] then
            return member
        end
    end
    return excluding(members, excluded)[1]
end

return maglev
