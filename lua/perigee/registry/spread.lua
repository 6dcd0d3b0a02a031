--- Spreads calls of one service over the instances that the host's registry knows: to whichever is
-- quicker and less busy, unless another policy is asked for. One that fails is left out for a
-- while, and another is tried where that can do no harm.
local balancer = require "perigee.balancer"
local random = require "perigee.core.random"
local registry = require "perigee.registry"
local scheduler = require "perigee.core.scheduler"

local MOST_ATTEMPTS = 3

local methods = {}
local metatable = { __index = methods }

local spread = {}

--- Makes one. `options`: service, its name; policy, of perigee.balancer; on_change(list), called
-- for every new list of instances.
function spread.new(options)
    return setmetatable({
        service = options.service,
        on_change = options.on_change,
        balancer = balancer.new({ random = random.below, policy = options.policy, ejection = {} }),
        list = false,
    }, metatable)
end

--- Takes what the registry knows now; waits for its first answer.
-- @return whether there is any instance
function methods:refresh()
    local list = registry.host():instances(self.service)
    if not list then
        return false
    elseif list ~= self.list then
        self.list = list
        self.balancer:update(list, scheduler.now())
        if self.on_change then
            self.on_change(list)
        end
    end
    return #list > 0
end

-- Returns whether another may be tried, and what `attempt` returned behind the first two.
local function finish(self, member, started, is_ok, may_repeat, ...)
    local now = scheduler.now()
    self.balancer:finish(member, now, now - started, is_ok)
    return may_repeat, ...
end

local function try_one(self, member, attempt)
    self.balancer:begin(member)
    return finish(self, member, scheduler.now(), attempt(member.instance))
end

--- Tries one instance, and others while that may be repeated, three at most.
-- @param key for policies that pick by it, or nil
-- @param deadline after which nobody else is tried, or nil
-- @param attempt function(instance) → what the instance did (true, false when it is to blame, nil
-- when that says nothing), whether another may be tried, and up to four results
-- @return the results of the last; or nil, "not_found", detail when nobody can be picked
function methods:perform(key, deadline, attempt)
    local tried = {}
    local may_repeat, a, b, c, d
    for _ = 1, math.min(MOST_ATTEMPTS, #self.list) do
        local member, code, detail = self.balancer:pick(key, scheduler.now(), tried)
        if not member then
            return nil, code, detail
        end
        may_repeat, a, b, c, d = try_one(self, member, attempt)
        if not may_repeat or deadline and scheduler.now() >= deadline then
            break
        end
        tried[member] = true
    end
    return a, b, c, d
end

return spread
