--- RPC services of other hosts, as the registry knows them: for each a place of
-- perigee.rpc.resolver that spreads calls over its instances (perigee.destination). A call that
-- cannot have run is tried with another instance: nobody could be reached, or the instance said
-- that it takes none.
local client = require "perigee.rpc.client"
local context = require "perigee.core.context"
local destination = require "perigee.destination"
local hop = require "perigee.core.hop"
local scheduler = require "perigee.core.scheduler"

local remote_services = {}

-- How long calls to an instance that is gone may take to end.
local LINGER_S = 60

local LEAST_TIMEOUT_S = 0.001

local places = {} -- name of a service -> { destination =, place = }

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
        dialled = client.dial("tcp://" .. address,
            { timeout_s = 0, cancel = true, deadlines = true })
        clients[address] = dialled
    end
    return dialled
end

-- How long this attempt may take, unless the context of the task ends no later.
local function options_of(attempt)
    local deadline = attempt.deadline
    if not deadline or deadline == context.current():deadline() then
        return nil
    end
    return { timeout_s = math.max(LEAST_TIMEOUT_S, deadline - scheduler.now()) }
end

-- What a destination calls with each instance: `perform(client, attempt)` when that is connected.
local function make_attempt(clients, perform)
    return function(instance, attempt)
        local dialled = client_of(clients, instance)
        local is_open, code, detail = dialled:connect(attempt.deadline)
        if not is_open then
            attempt.is_unsent = true
            attempt:blame(code)
            return nil, code, detail
        end
        local value, data
        value, code, detail, data = hop.run(attempt.previous, perform, dialled, attempt)
        attempt.is_unsent = code == "unavailable"
        return value, code, detail, data
    end
end

-- The functions of a place (perigee.rpc.resolver). An argument goes as it is until it is known
-- to whom.

local function encode(args)
    return { args }
end

local NO_WISHES = {}

local function is_idempotent(over, target, wishes)
    local wanted = wishes.is_idempotent
    if wanted == nil then
        wanted = over.settings.idempotent[target.method]
    end
    return wanted
end

local function new_place(over, clients)
    -- `request` = { method =, deadline =, ... } as for destination:call
    local function perform(request, fn)
        request.attempt = make_attempt(clients, fn)
        return over:call(request)
    end
    return {
        encode = encode,
        call = function(target, box, deadline, wishes)
            wishes = wishes or NO_WISHES
            return perform({ method = target.method, deadline = deadline, key = wishes.key,
                is_idempotent = is_idempotent(over, target, wishes),
                retries = wishes.retries, hedge = wishes.hedge }, function(dialled, attempt)
                return dialled:call(target.name, box[1], options_of(attempt))
            end)
        end,
        notify = function(target, box)
            return perform({ method = target.method }, function(dialled)
                return dialled:notify(target.name, box[1])
            end)
        end,
        stream = function(target, box, credit, timeout_s)
            return perform({ method = target.method }, function(dialled)
                return dialled:stream(target.name, box[1],
                    { credit = credit, timeout_s = timeout_s })
            end)
        end,
    }
end

local function make_place(service)
    local clients = {} -- by address
    local over = destination.open(service)
    over:on_change(function(list)
        forget_clients(clients, list)
    end)
    return { destination = over, place = new_place(over, clients) }
end

--- The place of a service of other hosts; nil when the registry knows none. Waits for the
-- registry's first answer. A name that nobody has ever heard of is not kept.
function remote_services.find(service)
    local known = places[service] or make_place(service)
    local is_there = known.destination:refresh()
    if is_there then
        places[service] = known
    elseif not places[service] then
        known.destination:close()
    end
    return is_there and known.place or nil
end

return remote_services
