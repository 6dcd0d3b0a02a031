--- RPC services of other hosts, as the registry knows them: for each a place of
-- perigee.rpc.resolver that spreads calls over its instances. A call is tried with another
-- instance only when it cannot have run: nobody could be reached, or the instance said that it
-- takes none.
local balancer = require "perigee.balancer"
local client = require "perigee.rpc.client"
local random = require "perigee.core.random"
local registry = require "perigee.registry"
local scheduler = require "perigee.core.scheduler"

local remote_services = {}

local MOST_ATTEMPTS = 3

-- What a call's code says of the instance; any other says that it works.
local IS_AT_FAULT = { timeout = true, closed = true, refused = true, unreachable = true,
    unavailable = true, malformed = true }
local SAYS_NOTHING = { canceled = true, full = true }

local places = {} -- name of a service -> its place

-- How long calls to an instance that is gone may take to end.
local LINGER_S = 60

-- An instance that is gone gets no more calls.
local function forget_clients(self, list)
    local present = {}
    for _, instance in ipairs(list) do
        present[instance.rpc or instance.address] = true
    end
    for address, dialled in pairs(self.clients) do
        if not present[address] then
            self.clients[address] = nil
            scheduler.at(scheduler.now() + LINGER_S, dialled.close, dialled)
        end
    end
end

-- Takes the list of the registry. False when there is nobody.
local function refresh(self)
    local list = registry.host():instances(self.service)
    if not list then
        return false
    elseif list ~= self.list then
        self.list = list
        self.balancer:update(list, scheduler.now())
        forget_clients(self, list)
    end
    return #list > 0
end

local function client_of(self, instance)
    local address = instance.rpc or instance.address
    local dialled = self.clients[address]
    if not dialled then
        dialled = client.dial("tcp://" .. address, { timeout_s = 0, cancel = true })
        self.clients[address] = dialled
    end
    return dialled
end

local function outcome_of(code)
    if SAYS_NOTHING[code] then
        return nil
    end
    return not IS_AT_FAULT[code]
end

-- Calls `perform(client)` with one instance. Returns whether another may be tried, and what it
-- returned.
local function try_one(self, member, deadline, perform)
    local dialled = client_of(self, member.instance)
    self.balancer:begin(member)
    local started = scheduler.now()
    local is_open, code, detail = dialled:connect(deadline)
    local value, data
    if is_open then
        value, code, detail, data = perform(dialled)
    end
    local now = scheduler.now()
    self.balancer:finish(member, now, now - started, outcome_of(code))
    local may_repeat = not is_open and not SAYS_NOTHING[code] or code == "unavailable"
    return may_repeat and not (deadline and now >= deadline), value, code, detail, data
end

local function try_several(self, deadline, perform)
    local tried = {}
    local may_repeat, value, code, detail, data
    for _ = 1, math.min(MOST_ATTEMPTS, #self.list) do
        local member, reason, why = self.balancer:pick(nil, scheduler.now(), tried)
        if not member then
            return nil, reason, why
        end
        may_repeat, value, code, detail, data = try_one(self, member, deadline, perform)
        if not may_repeat then
            break
        end
        tried[member] = true
    end
    return value, code, detail, data
end

local function options_until(deadline)
    return deadline and { timeout_s = math.max(0.001, deadline - scheduler.now()) } or nil
end

-- The functions of a place (perigee.rpc.resolver). An argument goes as it is until it is known
-- to whom.

local function encode(args)
    return { args }
end

local function new_place(self)
    return {
        encode = encode,
        call = function(target, box, deadline)
            return try_several(self, deadline, function(dialled)
                return dialled:call(target.name, box[1], options_until(deadline))
            end)
        end,
        notify = function(target, box)
            return try_several(self, nil, function(dialled)
                return dialled:notify(target.name, box[1])
            end)
        end,
        stream = function(target, box, credit, timeout_s)
            return try_several(self, nil, function(dialled)
                return dialled:stream(target.name, box[1],
                    { credit = credit, timeout_s = timeout_s })
            end)
        end,
    }
end

--- The place of a service of other hosts; nil when the registry knows none. Waits for the
-- registry's first answer.
function remote_services.find(service)
    local known = places[service]
    if not known then
        known = {
            service = service,
            list = false,
            balancer = balancer.new({ random = random.below, ejection = {} }),
            clients = {}, -- address -> client
        }
        known.place = new_place(known)
        places[service] = known
    end
    return refresh(known) and known.place or nil
end

return remote_services
