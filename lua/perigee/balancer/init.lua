--- Client-side load balancing: which instance of a service gets the next call.
--
--    local users = balancer.new { policy = "peak_ewma", random = random.below, zone = "a" }
--    users:update(records, now)                     -- whenever the registry tells of others
--    local member, code, detail = users:pick(key, now, tried)
--    users:begin(member)
--    ... call member.instance.address ...
--    users:finish(member, now, latency_s, is_ok)    -- nil for is_ok: the caller gave up
--
-- Pure: no host, no clock, no I/O. Times are seconds on any one clock, random(n) is a whole number
-- from 1 to n.
local ejection = require "perigee.resilience.ejection"
local lazy = require "perigee.core.lazy"
local roster = require "perigee.balancer.roster"
local statistics = require "perigee.balancer.statistics"

local POLICIES = {
    round_robin = lazy "perigee.balancer.round_robin",
    random = lazy "perigee.balancer.weighted_random",
    least_requests = lazy "perigee.balancer.least_requests",
    peak_ewma = lazy "perigee.balancer.peak_ewma",
    consistent_hash = lazy "perigee.balancer.consistent_hash",
    maglev = lazy "perigee.balancer.maglev",
}

local DEFAULT_POLICY = "peak_ewma"
local DEFAULT_SLOW_START_S = 10

local methods = {}
local metatable = { __index = methods, __metatable = false }

local balancer = {}

local function known_policies()
    local names = {}
    for name in pairs(POLICIES) do
        names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- Says that there is no such policy; nil when there is.
function balancer.policy_problem(name)
    if not POLICIES[name] then
        return ("there is no policy '%s', only %s"):format(tostring(name), known_policies())
    end
    return nil
end

local function policy_named(name, random)
    local problem = balancer.policy_problem(name)
    if problem then
        error("balancer.new: " .. problem, 3)
    end
    return POLICIES[name].new(random)
end

--- Makes a balancer without instances. `options`: random, a function as math.random that is called
-- with one number; policy, "peak_ewma" when left out; zone, whose instances are preferred;
-- slow_start_s, how long a new instance takes to get its full share, 10 when left out, 0 for none;
-- ejection, false or settings of perigee.resilience.ejection; on_eject(member, until_s, reason),
-- called when one is left out.
function balancer.new(options)
    if type(options.random) ~= "function" then
        error("balancer.new: random must be a function as math.random, got "
            .. type(options.random), 2)
    end
    local policy = policy_named(options.policy or DEFAULT_POLICY, options.random)
    return setmetatable({
        policy = policy,
        roster = roster.new(options.zone, options.slow_start_s or DEFAULT_SLOW_START_S),
        ejection = options.ejection ~= false and ejection.new(options.ejection),
        on_eject = options.on_eject,
    }, metatable)
end

--- Takes the list of instances: { id =, weight =, zone =, ... } each, ids being different. Members
-- that stay keep their statistics; new ones begin slowly, unless all are new.
function methods:update(instances, now)
    self.roster:update(instances, now)
end

--- The member to call. Returns nil, "not_found", detail when there is none.
-- @param key what the policies consistent_hash and maglev go by, a string; others ignore it
-- @param excluded members already tried, as the keys of a table; they are taken only when no other
-- is there
function methods:pick(key, now, excluded)
    local members = self.roster:candidates_at(now)
    if not members[1] then
        return nil, "not_found", "there is no instance to pick from"
    end
    local member = self.policy:pick(members, key, now, excluded)
    member.picked_at = now
    return member
end

--- Those that could be picked last, a list that is not changed: another one when who is in it has
-- changed.
function methods:candidates()
    return self.roster.candidates
end

--- A call to `member` has begun.
function methods:begin(member)
    statistics.begin(member, self.roster.load)
end

local function eject(self, member, until_s, reason)
    self.roster:eject(member, until_s)
    if self.on_eject then
        self.on_eject(member, until_s, reason)
    end
end

local function judge(self, member, now, is_ok, is_unreachable)
    local members = self.roster.members
    local until_s, reason
    if is_unreachable then
        until_s, reason = self.ejection:lose(members, member, now)
    else
        until_s, reason = self.ejection:observe(members, member, is_ok, now)
    end
    if until_s then
        eject(self, member, until_s, reason)
    end
    local ejected = self.ejection:sweep(members, now)
    for i = 1, ejected and #ejected or 0 do
        eject(self, ejected[i].member, ejected[i].until_s, ejected[i].reason)
    end
end

--- It is over after `latency_s`. `is_ok`: true; false when the instance is to blame, as for an
-- error of the connection or 503; nil when the call says nothing of the instance, as one that the
-- caller has cancelled.
-- @param is_unreachable nobody took the connection: it is left out at once, for a short time
function methods:finish(member, now, latency_s, is_ok, is_unreachable)
    statistics.finish(member, self.roster.load, now, latency_s, is_ok)
    if self.ejection and member.is_member then
        judge(self, member, now, is_ok, is_unreachable)
    end
end

--- Says whether checks find that `member` works; who does not is left out until they do again, and
-- then begins slowly.
function methods:set_health(member, is_up, now)
    self.roster:set_health(member, is_up, now)
end

--- Leaves `member` out until `until_s`, for a reason of the caller's own.
function methods:eject(member, until_s)
    self.roster:eject(member, until_s)
end

--- Whether ejections and checks are ignored because fewer than half would be left.
function methods:is_panic()
    return self.roster.is_panic
end

--- The members in the order of the last list, each with its `instance` and its statistics.
function methods:members()
    return self.roster.members
end

return balancer
