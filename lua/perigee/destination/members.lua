--- The instances of one destination, as a registry knows them, behind a balancer; with what is
-- counted of each.
local balancer = require "perigee.balancer"
local log = require "perigee.log"
local random = require "perigee.core.random"
local scheduler = require "perigee.core.scheduler"

local methods = {}
local metatable = { __index = methods }

local members = {}

--- Makes it without instances. `options`: service, registry = function() → the registry to ask,
-- meter = its perigee.destination.meter; policy, zone, slow_start_s and ejection as for
-- perigee.balancer.
function members.new(options)
    local self = setmetatable({
        service = options.service,
        registry = options.registry,
        list = false,
        empty_since = false,
        meter = options.meter,
        shown = false,    -- the candidates that the meter was told of
        counts = {},      -- id -> { requests =, failures =, ejections =, series of metrics }
        listeners = {},   -- functions that are told of every new list
        ejections = 0,
    }, metatable)
    self.balancer = balancer.new({ random = random.below, policy = options.policy,
        zone = options.zone, slow_start_s = options.slow_start_s, ejection = options.ejection,
        on_eject = function(member, until_s, reason)
            self:note_ejection(member, until_s, reason)
        end })
    return self
end

--- An instance is left out from now on.
function methods:note_ejection(member, until_s, reason)
    local counts = self:counts_of(member)
    counts.ejections = counts.ejections + 1
    self.ejections = self.ejections + 1
    self.meter:eject()
    log.warn("an instance is left out", { service = self.service,
        instance = member.instance.id, reason = reason,
        seconds = ("%.0f"):format(until_s - scheduler.now()) })
end

--- What is counted of an instance, since it was in the list.
function methods:counts_of(member)
    local counts = self.counts[member.instance.id]
    if not counts then
        local picks, failures = self.meter:of_instance(member.instance.id)
        counts = { requests = 0, failures = 0, ejections = 0, picks = picks,
            failed_picks = failures }
        self.counts[member.instance.id] = counts
    end
    return counts
end

local function forget_counts(self, list)
    local kept = {}
    for _, instance in ipairs(list) do
        kept[instance.id] = self.counts[instance.id]
    end
    self.counts = kept
end

local function adopt(self, list, now)
    self.list = list
    self.empty_since = #list == 0 and (self.empty_since or now)
    self.balancer:update(list, now)
    forget_counts(self, list)
    for _, listener in ipairs(self.listeners) do
        listener(list)
    end
end

--- Has fn(list) called for every list from now on, and at once for the one there is.
function methods:on_change(fn)
    self.listeners[#self.listeners + 1] = fn
    if self.list then
        fn(self.list)
    end
end

--- Takes what the registry knows now; waits for its first answer.
-- @return true; or nil, "not_found", detail when there is no instance
function methods:refresh()
    local list, code, detail = self.registry():instances(self.service)
    if not list then
        return nil, "not_found", ("no instances of %s are known: %s"):format(self.service,
            detail or code)
    elseif list ~= self.list then
        adopt(self, list, scheduler.now())
    end
    if #list > 0 then
        return true
    end
    return nil, "not_found", ("no instances of %s (registry says 0 for %.0f s)"):format(
        self.service, scheduler.now() - self.empty_since)
end

local function state_of(member, now)
    if (member.ejected_until or now) > now then
        return "ejected"
    end
    return member.is_down and "unhealthy" or "available"
end

-- Tells how many are in which state.
local function show(self, now)
    local counts = {}
    for _, member in ipairs(self.balancer:members()) do
        local state = state_of(member, now)
        counts[state] = (counts[state] or 0) + 1
    end
    self.shown = self.balancer:candidates()
    self.meter:set_instances(counts)
end

--- The member to call, as balancer:pick.
function methods:pick(key, tried)
    local now = scheduler.now()
    local member, code, detail = self.balancer:pick(key, now, tried)
    if self.balancer:candidates() ~= self.shown then
        show(self, now)
    end
    return member, code, detail
end

--- A call of `member` begins.
function methods:begin(member)
    local counts = self:counts_of(member)
    counts.requests = counts.requests + 1
    counts.picks:inc()
    self.balancer:begin(member)
end

--- It is over. `is_ok` as for balancer:finish; `is_unreachable` when nobody was there to take it.
function methods:finish(member, latency_s, is_ok, is_unreachable)
    if is_ok == false then
        local counts = self:counts_of(member)
        counts.failures = counts.failures + 1
        counts.failed_picks:inc()
    end
    self.balancer:finish(member, scheduler.now(), latency_s, is_ok, is_unreachable)
end

local function describe(self, member, now)
    local counts = self:counts_of(member)
    return {
        address = member.instance.address,
        requests = counts.requests, failures = counts.failures, ejections = counts.ejections,
        in_flight = member.in_flight,
        latency_s = member.has_latency and member.latency_s or nil,
        success = member.success,
        is_ejected = state_of(member, now) == "ejected",
        is_healthy = not member.is_down,
    }
end

--- Id -> what is known and counted of each.
function methods:describe()
    local described, now = {}, scheduler.now()
    for _, member in ipairs(self.balancer:members()) do
        described[member.instance.id] = describe(self, member, now)
    end
    return described
end

return members
