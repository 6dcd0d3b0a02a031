--- `perigee.destination`: a service of any host as those see it that call it: which instances there
-- are, which one is next, and what is done when one fails.
--
--    local users = destination.open("users", { retries = { attempts = 3 } })
--    local value, code, detail = users:call {
--        method = "Get", is_idempotent = true, timeout_s = 1,
--        attempt = function(instance, attempt) ... end,
--    }
--
-- Each isolate has its own: nothing is shared with others, and nothing waits for them.
local breakers = require "perigee.destination.breakers"
local bulkhead = require "perigee.destination.bulkhead"
local call = require "perigee.destination.call"
local hop = require "perigee.core.hop"
local lazy = require "perigee.core.lazy"
local members = require "perigee.destination.members"
local meter = require "perigee.destination.meter"
local random = require "perigee.core.random"
local registry = require "perigee.registry"
local retry_budget = require "perigee.resilience.retry_budget"
local scheduler = require "perigee.core.scheduler"
local settings = require "perigee.destination.settings"
local tally = require "perigee.destination.tally"

local health_checks = lazy "perigee.destination.health_checks"
local latency_window = lazy "perigee.resilience.latency_window"

local destination = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return "destination " .. self.service
end

-- Whoever opens one for every call would have as many as there are calls.
local MOST_OPEN = 1000

-- More tokens than anybody spends.
local NO_BUDGET = { most = 2 ^ 52, gain = 1 }

local opened, open_count = {}, 0
local configured = {} -- name of a service -> options for those opened without any

local function check(options, what, level)
    local checked, problem = settings.of_destination(options)
    if not checked then
        error(("%s: %s"):format(what, problem), level + 1)
    end
    return checked
end

local function check_service(service, what, level)
    if type(service) ~= "string" or service == "" then
        error(("%s takes the name of a service, got %s"):format(what, tostring(service)),
            level + 1)
    end
end

local function make(service, checked, find_registry)
    local breaker, room = checked.breaker, checked.bulkhead
    local own_meter = meter.new(service)
    return setmetatable({
        service = service,
        settings = checked,
        members = members.new({ service = service, registry = find_registry, meter = own_meter,
            policy = checked.policy, zone = checked.zone, slow_start_s = checked.slow_start_s,
            ejection = checked.ejection }),
        breakers = breakers.new({ random = random.below, factor = breaker and breaker.factor,
            window_s = breaker and breaker.window_s }),
        bulkhead = room and bulkhead.new(room.calls, room.queued),
        budget = retry_budget.new(checked.budget or NO_BUDGET),
        latencies = false, -- from the first call on that may be hedged
        counts = tally.new(),
        meter = own_meter,
        refusing = {},        -- the breakers that refuse calls
    }, metatable)
end

--- Opens a destination.
-- @param service its name in the registry
-- @param options as docs/resilience.md says; what destination.configure was given when left out
-- @param known a registry of perigee.registry; that of the host when left out
-- @return the destination; errors name the caller's line
function destination.open(service, options, known)
    check_service(service, "destination.open", 2)
    local checked = check(options or configured[service] or {}, "destination.open", 2)
    if open_count >= MOST_OPEN then
        error(("destination.open: %d are open; open one for a service, not one for a call"):format(
            open_count), 2)
    end
    local self = make(service, checked, known and function() return known end or registry.host)
    opened[self], open_count = true, open_count + 1
    if checked.health then
        health_checks.watch(self)
    end
    return self
end

--- Says how a service is to be called wherever that is not said elsewhere: by rpc.service and for
-- http+service URLs. To be called before the first call. Errors name the caller's line.
function destination.configure(service, options)
    check_service(service, "destination.configure", 2)
    check(options, "destination.configure", 2)
    configured[service] = options
end

--- Finds out which instances there are; waits for the registry's first answer.
-- @return true; or nil, "not_found", detail when there is none
function methods:refresh()
    return self.members:refresh()
end

--- Has fn(list) called for every new list of instances.
function methods:on_change(fn)
    self.members:on_change(fn)
end

--- For perigee.destination.call: the breaker of a call's method; false when it has none.
function methods:breaker_of(request)
    local wanted = request.breaker
    if wanted == nil then
        wanted = self.settings.breaker
    end
    return wanted and self.breakers:of(request.method or "")
end

--- For perigee.destination.call: counts one more of what perigee.destination.tally has.
function methods:count(name)
    self.counts[name] = self.counts[name] + 1
    self.meter:count(name)
end

--- For perigee.destination.call: the breaker of `method` was asked, and refuses with this
-- probability; nil for none.
function methods:note_refusal(method, breaker, probability)
    if probability or self.refusing[breaker] then
        self.refusing[breaker] = probability and true or nil
        self.meter:set_refusal(method, probability or 0)
    end
end

--- For perigee.destination.call: a call was answered.
function methods:note_latency(now, latency_s)
    if self.latencies then
        self.latencies:add(now, latency_s)
    end
end

--- For perigee.destination.call: after how long a second attempt begins; nil while too little is
-- known for that, or nobody is there to make it.
function methods:hedge_delay_s(hedge)
    self.latencies = self.latencies or latency_window.new()
    if #self.members.list < 2 then
        return nil
    end
    return hedge.after_s or self.latencies:quantile(scheduler.now(), hedge.quantile)
end

local function check_request(self, request)
    if type(request) ~= "table" or type(request.attempt) ~= "function" then
        error("destination:call takes { attempt = function(instance, attempt) ... end }", 3)
    end
    local policy = self.settings.policy
    if settings.PICKS_BY_KEY[policy] and type(request.key) ~= "string" then
        error(("destination:call: %s picks by key, a string, got %s"):format(policy,
            type(request.key)), 3)
    end
end

-- What the caller gets of the last attempt, or of none.
local function conclude(self, last, code, detail)
    if not last then
        if code == "rejected" then
            self:count("rejected_by_breaker")
        end
        return nil, code, detail
    elseif last.problem then
        error(last.problem[1], 0)
    elseif last.verdict == "ill" then
        self:count("failures")
    end
    return last.value, last.code, last.detail, last.data
end

local function enter(self, deadline)
    local is_in, code, detail = self.bulkhead:enter(deadline)
    if is_in then
        return true
    end
    self:count("rejected_by_bulkhead")
    return nil, code, ("rejected by bulkhead for %s: %s"):format(self.service, detail)
end

--- Calls an instance, and others as far as that may be and is wanted.
-- @param request { attempt = function(instance, attempt) → result; or nil, code, detail, data (see
-- perigee.destination.attempt); key = for policies that pick by it; method = for the breaker and
-- messages; is_idempotent = it may be made twice; timeout_s = of all attempts together, or deadline
-- = in seconds of perigee.now(); retries, hedge, breaker = in place of the destination's }
-- @return what the attempt returned that settled it; or nil, "not_found", "rejected", "full",
-- "timeout" or "canceled", detail when there was none
function methods:call(request)
    check_request(self, request)
    self:count("requests")
    local is_there, code, detail = self:refresh()
    if not is_there then
        self:count("without_instance")
        return nil, code, detail
    end
    local one = call.new(self, request)
    if self.bulkhead then
        is_there, code, detail = enter(self, one.deadline)
        if not is_there then
            return nil, code, detail
        end
    end
    local last
    last, code, detail = one:perform()
    if self.bulkhead then
        self.bulkhead:leave()
    end
    return conclude(self, last, code, detail)
end

--- Ends its checks; it is not counted any more.
function methods:close()
    if opened[self] then
        opened[self], open_count = nil, open_count - 1
    end
    if self.settings.health then
        health_checks.forget(self)
    end
end

--- How many attempts of what the running task serves there were before: more than 0 when its caller
-- tries again, and then nothing is tried again here.
destination.previous_attempts = hop.previous_attempts

--- What is counted, by name of the service: see perigee.destination.tally and docs/resilience.md.
-- Destinations of the same service are added up. /status has this as `destinations` of each
-- isolate.
function destination.counters()
    local counters = {}
    for self in pairs(opened) do
        counters[self.service] = tally.add(counters[self.service], self)
    end
    return counters
end

return destination
