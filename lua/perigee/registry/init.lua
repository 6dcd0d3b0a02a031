--- `perigee.registry`: which instances of which services there are, on this host and others.
--
--    local registry = require "perigee.registry"
--    local known = assert(registry.open "etcd://127.0.0.1:2379")
--    known:register({ service = "users", address = "10.0.0.7:8080" })
--    for _, instance in ipairs(known:instances("users")) do ... end
--
-- What is registered stays so until it is deregistered, whatever the registry does meanwhile.
local instance = require "perigee.registry.instance"
local keeper = require "perigee.registry.keeper"
local known = require "perigee.registry.known"
local location = require "perigee.registry.location"
local lazy = require "perigee.core.lazy"
local select_module = require "perigee.core.select"
local worker_link = require "perigee.core.worker_link"

local tls_client = lazy "perigee.core.tls_client"

local registry = {}

local methods = {}
local metatable = { __index = methods }

local DEFAULT_TTL_S = 15

-- Whoever lives has noticed that the registry is back, and registered again, after half of this.
local DOUBT_TTLS = 2

-- A first answer, which an etcd that is starting keeps waiting for.
local FIRST_ANSWER_S = 3

local BACKENDS = {
    consul = "perigee.registry.consul",
    embedded = "perigee.registry.embedded",
    etcd = "perigee.registry.etcd",
    host = "perigee.registry.of_host",
}

local function make(parsed, options)
    local backend = require(BACKENDS[parsed.kind]).new(parsed)
    local kept = keeper.new({ backend = backend, ttl_s = backend.ttl_s, name = backend.name,
        spread_s = backend.spread_s, verify_s = options.verify_s })
    backend.keeper = kept
    return setmetatable({
        backend = backend,
        keeper = kept,
        known = known.new({
            on_change = options.on_change,
            suspect_s = options.suspect_s,
            doubt_s = DOUBT_TTLS * backend.ttl_s,
        }),
        has_left = false,
        is_closed = false,
    }, metatable)
end

-- Returns what connections need; or nil, what is wrong.
local function open_tls(options)
    local problem = tls_client.problem(options)
    if problem then
        return nil, problem
    end
    local made, _, detail = tls_client.open(options)
    return made, detail
end

--- Opens a registry.
-- @param where "embedded", "etcd://HOST:PORT,HOST:PORT/PREFIX", "consul://HOST:PORT", or with
-- etcd+https and consul+https
-- @param options { ttl_s = 15, after which an instance that does not beat is gone; tls = whom to
-- believe, and what to show, see perigee.core.tls_client }
-- @return the registry; it may be away at this time. An error in the caller's line for a location
-- that is none
function registry.open(where, options)
    local parsed, problem = location.parse(where)
    if not parsed then
        error(problem, 2)
    end
    options = options or {}
    if parsed.is_tls then
        parsed.tls, problem = open_tls(options.tls or {})
        if problem then
            error("registry.open: " .. problem, 2)
        end
    end
    parsed.ttl_s = options.ttl_s or DEFAULT_TTL_S
    parsed.silence_s, parsed.wait_s = options.silence_s, options.wait_s
    return make(parsed, options)
end

local of_host

--- The registry of the host that runs this service: the services of this host and, with
-- `--registry`, of all others. An error outside of a host, where services are not served.
function registry.host()
    if not worker_link.call then
        error("registry.host() is there for services that a host runs", 2)
    elseif not of_host then
        of_host = make({ kind = "host" }, {})
    end
    return of_host
end

--- The id that an instance has when it is given none.
registry.id_of = instance.id_of

--- The complete record of what is given; or nil, problem.
registry.record = instance.new

--- Whether two complete records say the same.
registry.are_same = instance.are_same

local function check_open(self)
    if self.is_closed then
        error("the registry is closed", 3)
    end
end

-- The last name that was fine: whoever calls a service asks for it each time.
local fine_name

local function check_name(name)
    if name == fine_name then
        return
    end
    local problem = instance.name_problem(name, "the name of a service")
    if problem then
        error(problem, 3)
    end
    fine_name = name
end

local registration_methods = {}
local registration_metatable = { __index = registration_methods }

--- Registers an instance and keeps it registered: also when the registry is away now, or forgets
-- it, until deregister or close.
-- @param record see perigee.registry.instance; its id is made of service and address when left out
-- @return a registration, with its record; errors name the caller's line
function methods:register(record)
    check_open(self)
    if self.has_left then
        error("register: this registry was left", 2)
    end
    local made, problem = instance.new(record)
    if not made then
        error("register: " .. problem, 2)
    elseif self == of_host then
        error("register: the host registers its services itself; registry.open makes a registry "
            .. "for others", 2)
    end
    return setmetatable({ registry = self, record = made, settled = self.keeper:add(made) },
        registration_metatable)
end

--- Waits until the registry has it. Returns true; or nil and "timeout" or "canceled".
function registration_methods:wait(timeout_s)
    local chosen, code = select_module.select {
        { self.settled, "recv" },
        timeout = timeout_s,
    }
    if chosen == 1 then
        return true
    end
    return nil, chosen or code
end

--- Whether the registry has it, as far as is known.
function registration_methods:is_registered()
    return self.registry.keeper:is_registered(self.record.id)
end

--- As registry:deregister.
function registration_methods:deregister()
    return self.registry.keeper:remove(self.record.id)
end

--- Takes an instance out of the registry. Returns true; or nil, code, detail: then it is gone when
-- its time to live is over.
-- @param registration what register returned
function methods:deregister(registration)
    check_open(self)
    if getmetatable(registration) ~= registration_metatable then
        error("deregister takes what register returned", 2)
    end
    return registration:deregister()
end

--- The names of all services that have instances, sorted; or nil, code, detail when the registry
-- was never heard.
function methods:list()
    check_open(self)
    local names, code, detail = self.backend:list()
    if names or code then
        return names, code, detail
    end
    self.backend:discover(self.known)
    local is_known, reason = self.known:wait("", FIRST_ANSWER_S)
    if not is_known then
        return nil, reason, "the registry has not answered yet"
    end
    return self.known:list()
end

--- The instances of a service: a list sorted by id that is never changed, and { age_s = since the
-- registry was heard, suspect_s = for how long it has said that there are none }. While the
-- registry is away they are the last that were known. Waits for a first answer.
-- @return the list, empty when there are none; or nil, code, detail when the registry was never
-- heard
function methods:instances(name)
    check_open(self)
    check_name(name)
    self.backend:discover(self.known, name)
    local is_known, reason = self.known:wait(name, FIRST_ANSWER_S)
    if not is_known then
        return nil, reason, "the registry has not answered yet"
    end
    return self.known:instances(name)
end

--- Watches a service: `watcher:next()` waits for a list not received yet, the present one first;
-- `watcher.changes` is the channel of it, for perigee.select; `watcher:close()` ends it.
function methods:watch(name)
    check_open(self)
    check_name(name)
    self.backend:discover(self.known, name)
    return self.known:watch(name)
end

--- { wanted, registered = how many of them are, beat_age_s, age_s }.
function methods:status()
    local status = self.keeper:status()
    local _, info = self.known:instances("")
    status.backend, status.age_s = self.backend.name, info.age_s
    return status
end

--- Deregisters everything of this registry, for good; what there is can still be asked. Returns
-- true; or nil, code, detail when the registry could not be told.
function methods:leave()
    if self.has_left then
        return true
    end
    self.has_left = true
    return self.backend:withdraw_all(self.keeper:close())
end

--- Leaves all that is registered to another process, which registers the same: this one beats no
-- more. What that other one does not register ends with its time to live.
function methods:hand_over()
    self.has_left = true
    self.keeper:close()
end

--- Leaves, and ends its watches. Returns as leave does.
function methods:close()
    if self.is_closed then
        return true
    end
    local is_ok, code, detail = self:leave()
    self.is_closed = true
    self.known:close()
    self.backend:close()
    return is_ok, code, detail
end

return registry
