--- RPC services of other hosts, as the registry knows them: for each a place of
-- perigee.rpc.resolver that spreads calls over its instances. A call is tried with another
-- instance only when it cannot have run: nobody could be reached, or the instance said that it
-- takes none.
local client = require "perigee.rpc.client"
local scheduler = require "perigee.core.scheduler"
local spread = require "perigee.registry.spread"

local remote_services = {}

-- What a call's code says of the instance; any other says that it works.
local IS_AT_FAULT = { timeout = true, closed = true, refused = true, unreachable = true,
    unavailable = true, malformed = true }
local SAYS_NOTHING = { canceled = true, full = true }

-- How long calls to an instance that is gone may take to end.
local LINGER_S = 60

local places = {} -- name of a service -> { spread =, place = }

-- An instance that is gone gets no more calls.
local function forget_clients(clients, list)
    local present = {}
    for _, instance in ipairs(list) do
        present[instance.rpc or instance.address] = true
    end
    for address, dialled in pairs(clients) do
        if not present[address] then
            clients[address] = nil
            scheduler.at(scheduler.now() + LINGER_S, dialled.close, dialled)
        end
    end
end

local function client_of(clients, instance)
    local address = instance.rpc or instance.address
    local dialled = clients[address]
    if not dialled then
        dialled = client.dial("tcp://" .. address, { timeout_s = 0, cancel = true })
        clients[address] = dialled
    end
    return dialled
end

local function outcome_of(code)
    if SAYS_NOTHING[code] then
        return nil
    end
    return not IS_AT_FAULT[code]
end

local function options_until(deadline)
    return deadline and { timeout_s = math.max(0.001, deadline - scheduler.now()) } or nil
end

-- What perigee.registry.spread calls with each instance: `perform(client)` when that is connected.
local function make_attempt(clients, deadline, perform)
    return function(instance)
        local dialled = client_of(clients, instance)
        local is_open, code, detail = dialled:connect(deadline)
        local value, data
        if is_open then
            value, code, detail, data = perform(dialled)
        end
        local may_repeat = not is_open and not SAYS_NOTHING[code] or code == "unavailable"
        return outcome_of(code), may_repeat, value, code, detail, data
    end
end

-- The functions of a place (perigee.rpc.resolver). An argument goes as it is until it is known
-- to whom.

local function encode(args)
    return { args }
end

local function new_place(over, clients)
    local function perform(deadline, fn)
        return over:perform(nil, deadline, make_attempt(clients, deadline, fn))
    end
    return {
        encode = encode,
        call = function(target, box, deadline)
            return perform(deadline, function(dialled)
                return dialled:call(target.name, box[1], options_until(deadline))
            end)
        end,
        notify = function(target, box)
            return perform(nil, function(dialled)
                return dialled:notify(target.name, box[1])
            end)
        end,
        stream = function(target, box, credit, timeout_s)
            return perform(nil, function(dialled)
                return dialled:stream(target.name, box[1],
                    { credit = credit, timeout_s = timeout_s })
            end)
        end,
    }
end

local function add_place(service)
    local clients = {} -- by address
    local over = spread.new({
        service = service,
        on_change = function(list)
            forget_clients(clients, list)
        end,
    })
    local added = { spread = over, place = new_place(over, clients) }
    places[service] = added
    return added
end

--- The place of a service of other hosts; nil when the registry knows none. Waits for the
-- registry's first answer.
function remote_services.find(service)
    local known = places[service] or add_place(service)
    return known.spread:refresh() and known.place or nil
end

return remote_services
