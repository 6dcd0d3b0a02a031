--- What destinations count, also as metrics of the service that calls (perigee.metrics): each has
-- the label `target`, the name of who is called.
local metrics = require "perigee.metrics"

local meter = {}

local TARGET = { "target" }

local CALLS = {
    requests = { "lb_calls_total", "Calls of another service." },
    failures = { "lb_call_failures_total",
        "Calls whose last attempt showed that its instance is ill." },
    without_instance = { "lb_calls_without_instance_total", "Calls while there was no instance." },
    retries = { "lb_retries_total", "Attempts that followed one that failed." },
    hedges = { "lb_hedges_total", "Attempts that were made beside a slow one." },
    elsewhere = { "lb_elsewhere_total",
        "Attempts that followed one that had not run, at another instance." },
    budget_exhausted = { "retry_budget_exhausted_total",
        "Retries and hedges that were not made, for want of a token." },
    rejected_by_breaker = { "breaker_rejections_total", "Calls that the breaker has refused." },
    rejected_by_bulkhead = { "bulkhead_rejections_total", "Calls that the bulkhead has refused." },
}

local STATES = { "available", "ejected", "unhealthy" }

local families -- of all destinations, from the first on

local function define()
    local made = {
        picks = metrics.counter("lb_picks_total", "Attempts, by instance.",
            { "target", "instance" }),
        failures = metrics.counter("lb_instance_failures_total",
            "Attempts that showed that the instance is ill.", { "target", "instance" }),
        ejections = metrics.counter("lb_ejections_total",
            "How often an instance was left out because it failed.", TARGET),
        instances = metrics.gauge("lb_instances", "Instances that are known, by their state.",
            { "target", "state" }),
        refusal = metrics.gauge("breaker_refusal_ratio",
            "Probability with which the breaker refuses a call, when one was made last.",
            { "target", "method" }),
        calls = {},
    }
    for name, family in pairs(CALLS) do
        made.calls[name] = metrics.counter(family[1], family[2], TARGET)
    end
    return made
end

local methods = {}
local metatable = { __index = methods }

--- Those of the calls of one service.
function meter.new(target)
    families = families or define()
    local calls = {}
    for name, family in pairs(families.calls) do
        calls[name] = family:with(target)
    end
    return setmetatable({ target = target, calls = calls, ejections = families.ejections
        :with(target) }, metatable)
end

--- One more of what perigee.destination.tally counts by this name.
function methods:count(name)
    self.calls[name]:inc()
end

--- The series that count attempts at an instance, and its failures.
function methods:of_instance(id)
    return families.picks:with(self.target, id), families.failures:with(self.target, id)
end

function methods:eject()
    self.ejections:inc()
end

--- How many instances are in which state: state → count.
function methods:set_instances(counts)
    for _, state in ipairs(STATES) do
        families.instances:with(self.target, state):set(counts[state] or 0)
    end
end

--- With which probability calls of a method are refused.
function methods:set_refusal(method, probability)
    families.refusal:with(self.target, method):set(probability)
end

return meter
