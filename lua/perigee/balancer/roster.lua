--- The instances a balancer knows, as members: an instance's record with its statistics. Whoever
-- stays when the list changes keeps them.
--
-- Policies see the candidates, an array of the members that may be picked now. When who is in it
-- or a weight has changed it is another table, so what a policy computes from one it may keep.
local statistics = require "perigee.balancer.statistics"

local roster = {}

local methods = {}
local metatable = { __index = methods }

local DEFAULT_WEIGHT = 100

-- Slow start goes in so many steps, the first of which is the least share. Weights are counted in
-- such parts, which keeps them whole.
local STEPS = 10

-- With fewer there is nobody to carry what a new one does not take.
local SLOW_START_LEAST = 3

-- Of this share of all, or of a zone, at least so many must be available.
local ENOUGH = 0.5

--- Makes one without members.
function roster.new(zone, slow_start_s)
    return setmetatable({
        zone = zone,
        slow_start_s = slow_start_s,
        members = {},
        by_id = {},
        load = { in_flight = 0 },   -- of all members, and of those that have left
        candidates = {},
        changes_at = math.huge,     -- when the candidates change by themselves
        is_panic = false,           -- ejections and checks are ignored
    }, metatable)
end

local function base_weight(instance)
    return math.floor(instance.weight or DEFAULT_WEIGHT)
end

-- The step of slow start that a member has reached, and when it reaches the next.
local function slow_start_step(self, member, now)
    local step_s = self.slow_start_s / STEPS
    local age = now - member.joined_at
    if age >= self.slow_start_s or #self.members < SLOW_START_LEAST then
        return STEPS, math.huge
    end
    local step = math.floor(math.max(0, age) / step_s)
    return math.max(1, step), member.joined_at + (step + 1) * step_s
end

-- Brings a member up to date. Returns whether it is available, and when that changes.
local function refresh_member(self, member, now)
    if member.ejected_until then
        if now < member.ejected_until then
            member.weight = base_weight(member.instance) * STEPS
            return false, member.ejected_until
        end
        member.joined_at, member.ejected_until = member.ejected_until, false
    end
    if member.is_down then
        member.weight = base_weight(member.instance) * STEPS
        return false, math.huge
    end
    local step, changes_at = slow_start_step(self, member, now)
    member.weight = base_weight(member.instance) * step
    return member.weight > 0, changes_at
end

-- Who has no weight is not there at all: ejections do not count for it.
local function with_weight(members)
    local list = {}
    for _, member in ipairs(members) do
        if member.weight > 0 then
            list[#list + 1] = member
        end
    end
    return list
end

-- The members of the own zone, when enough of them are available.
local function of_zone(zone, all, available)
    local count, near = 0, {}
    for _, member in ipairs(all) do
        if member.instance.zone == zone then
            count = count + 1
        end
    end
    for _, member in ipairs(available) do
        if member.instance.zone == zone then
            near[#near + 1] = member
        end
    end
    return near[1] and #near >= count * ENOUGH and near or available
end

local function refresh(self, now)
    local available = {}
    self.changes_at = math.huge
    for _, member in ipairs(self.members) do
        local is_available, changes_at = refresh_member(self, member, now)
        if is_available then
            available[#available + 1] = member
        end
        self.changes_at = math.min(self.changes_at, changes_at)
    end
    local all = with_weight(self.members)
    -- So many are never ill at once: it is the network, or the one who judges.
    self.is_panic = #available < #all * ENOUGH
    if self.is_panic then
        available = all
    end
    self.candidates = self.zone and of_zone(self.zone, all, available) or available
    self.candidates.load = self.load
end

--- The members that may be picked at `now`. All of them when fewer than half are available, and
-- then the field is_panic says so.
function methods:candidates_at(now)
    if now >= self.changes_at then
        refresh(self, now)
    end
    return self.candidates
end

local function adopt(self, instance, now, joined_at)
    local member = self.by_id[instance.id]
    if not member then
        member = statistics.new(instance, now)
        member.joined_at = joined_at
    end
    member.instance = instance
    return member
end

--- Takes the list of instances.
function methods:update(instances, now)
    local members, by_id = {}, {}
    -- At the beginning all are new, and nobody has to be spared.
    local joined_at = self.members[1] and now or -math.huge
    for i, instance in ipairs(instances) do
        if by_id[instance.id] then
            error(("two instances have the id '%s'"):format(tostring(instance.id)), 3)
        end
        members[i] = adopt(self, instance, now, joined_at)
        by_id[instance.id] = members[i]
    end
    for id, member in pairs(self.by_id) do
        member.is_member = by_id[id] ~= nil
    end
    self.members, self.by_id = members, by_id
    refresh(self, now)
end

--- Leaves `member` out until `until_s`.
function methods:eject(member, until_s)
    member.ejected_until = until_s
    self.changes_at = -math.huge
end

--- A member that is not up is left out until it is again.
function methods:set_health(member, is_up, now)
    if member.is_down and is_up then
        member.joined_at = now
    end
    member.is_down = not is_up
    self.changes_at = -math.huge
end

return roster
