--- A ring of hashes: each member owns as many points of it as its weight says, and a key belongs to
-- the first point at or behind its own hash. When a member goes, only its keys move.
local hash = require "perigee.balancer.hash"

local hash_ring = {}

-- For the weight of most, 100 in parts of a tenth.
local POINTS, WEIGHT = 160, 1000

-- More would take too long to make; then all have fewer.
local MOST_POINTS = 2 ^ 18

-- A point is one number, its hash before its owner, which is exact in a double.
local OWNERS, SPAN = 2 ^ 20, 2 ^ 52

local function points_of(members)
    local counts, total = {}, 0
    for i = 1, #members do
        counts[i] = math.ceil(POINTS * members[i].weight / WEIGHT)
        total = total + counts[i]
    end
    if total > MOST_POINTS then
        for i = 1, #members do
            counts[i] = math.max(1, math.floor(counts[i] * MOST_POINTS / total))
        end
    end
    return counts
end

local function make_points(members)
    local points, size = {}, 0
    local counts = points_of(members)
    for owner = 1, #members do
        local id = members[owner].instance.id
        for k = 1, counts[owner] do
            size = size + 1
            points[size] = hash(id, k) * OWNERS + owner
        end
    end
    return points
end

local function bucket_of(point, count)
    local bucket = point / SPAN * count
    return bucket - bucket % 1
end

-- Puts the points in the order of their buckets. Returns them and, for each bucket, how many are in
-- it and those before.
local function distribute(points)
    local count = #points
    local ends, placed = {}, {}
    for bucket = -1, count - 1 do
        ends[bucket] = 0
    end
    for i = 1, count do
        local bucket = bucket_of(points[i], count)
        ends[bucket] = ends[bucket] + 1
        placed[i] = 0
    end
    -- First where each bucket begins, which every point that is placed moves on to where it ends.
    local sum = 0
    for bucket = 0, count - 1 do
        ends[bucket], sum = sum, sum + ends[bucket]
    end
    for i = 1, count do
        local bucket = bucket_of(points[i], count)
        ends[bucket] = ends[bucket] + 1
        placed[ends[bucket]] = points[i]
    end
    return placed, ends
end

-- By insertion: nothing is far from its place, as the points of a bucket are few.
local function sort_nearly_sorted(points)
    for i = 2, #points do
        local point, place = points[i], i
        while place > 1 and points[place - 1] > point do
            points[place] = points[place - 1]
            place = place - 1
        end
        points[place] = point
    end
end

--- Makes the ring of `members`: { points = in order, ends = as above }. With so many buckets as
-- points, sorting and looking up take a few steps for each, however many there are.
function hash_ring.new(members)
    local points, ends = distribute(make_points(members))
    sort_nearly_sorted(points)
    return { points = points, ends = ends }
end

--- Where the point of `key` is in ring.points.
function hash_ring.search(ring, key)
    local points = ring.points
    local wanted = hash(key) * OWNERS
    local place = ring.ends[bucket_of(wanted, #points) - 1] + 1
    while place <= #points and points[place] < wanted do
        place = place + 1
    end
    return place <= #points and place or 1
end

--- The number of the member that owns a point.
function hash_ring.owner(point)
    return point % OWNERS
end

return hash_ring
