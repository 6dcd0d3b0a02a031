--- The registry in Consul: each instance is a service of the agent with a check that passes while
-- we beat. What Consul has no place for stands in its Meta.
local backoff = require "perigee.registry.backoff"
local consul_client = require "perigee.registry.consul_client"
local context = require "perigee.core.context"
local instance = require "perigee.registry.instance"
local json = require "perigee.json"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local task = require "perigee.core.task"

local FIRST_RETRY_S, MOST_RETRY_S = 1, 30
local WAIT_S = 55

-- An index that moves all the time must not make a loop that spins.
local BURST, BURST_PER_S = 2, 1

-- Instances that an agent forgot to pass on come back spread over this time.
local SPREAD_S = 4

local META_PREFIX = "perigee-"

local methods = {}
local metatable = { __index = methods }

local consul = {}

--- Makes the backend. `options`: addresses, token, ttl_s, wait_s.
function consul.new(options)
    return setmetatable({
        name = "consul", spread_s = SPREAD_S, ttl_s = options.ttl_s,
        client = consul_client.new(options),
        wait_s = options.wait_s or WAIT_S,
        following = {}, -- name of a service -> the task that follows it
    }, metatable)
end

local function check_of(record)
    return record.id .. "-ttl"
end

local function meta_of(record)
    local meta = {}
    for key, value in pairs(record.metadata) do
        meta[key] = value
    end
    for _, name in ipairs({ "rpc", "mount", "version", "zone", "generation", "weight" }) do
        if record[name] ~= nil then
            meta[META_PREFIX .. name] = tostring(record[name])
        end
    end
    return meta
end

local function split_address(address)
    local host, port = address:match("^(.*):(%d+)$")
    return host:match("^%[(.*)%]$") or host, tonumber(port)
end

--- The body of a registration. Without a status the check would begin as critical.
function consul.body_of(record, ttl_s)
    local host, port = split_address(record.address)
    return {
        ID = record.id, Name = record.service, Address = host, Port = port,
        Meta = meta_of(record), Tags = json.array(),
        Check = { CheckID = check_of(record), TTL = ("%gs"):format(ttl_s), Status = "passing",
            DeregisterCriticalServiceAfter = "10m" },
    }
end

local function join_address(host, port)
    return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

-- A member that is null or of another type than it should be is not there.
local function member(value, name, kind)
    local found = value[name]
    return type(found) == kind and found or nil
end

local function take_meta(given, meta)
    for key, value in pairs(meta) do
        local name = key:match("^perigee%-(.*)$")
        if name == "generation" or name == "weight" then
            given[name] = tonumber(value)
        elseif name then
            given[name] = value
        else
            given.metadata[key] = value
        end
    end
    return given
end

--- The record of one entry of a health answer; or nil, problem. An address that is left out is the
-- node's.
function consul.record_of(entry)
    local service, node = member(entry, "Service", "table"), member(entry, "Node", "table") or {}
    if not service then
        return nil, "an entry has no Service"
    end
    local host = member(service, "Address", "string") or ""
    if host == "" then
        host = member(node, "Address", "string") or ""
    end
    return instance.new(take_meta({
        service = service.Service, id = service.ID, metadata = {},
        address = join_address(host, member(service, "Port", "number") or 0),
    }, member(service, "Meta", "table") or {}))
end

-- See perigee.registry.keeper for these four.

function methods:announce(record)
    return self.client:register(consul.body_of(record, self.ttl_s))
end

function methods:beat(records)
    local lost = {}
    for _, record in ipairs(records) do
        local is_ok, code, detail = self.client:pass(check_of(record))
        if code == "refused" then
            lost[#lost + 1] = record.id
        elseif not is_ok then
            return nil, code, detail
        end
    end
    return lost
end

function methods:verify(records)
    local services, code, detail = self.client:services()
    if not services then
        return nil, code, detail
    end
    local lost = {}
    for _, record in ipairs(records) do
        local found = services[record.id]
        local _, port = split_address(record.address)
        if type(found) ~= "table" or found.Port ~= port then
            lost[#lost + 1] = record.id
        end
    end
    return lost
end

function methods:withdraw(record)
    return self.client:deregister(record.id)
end

--- Deregisters these.
function methods:withdraw_all(records)
    local is_ok, code, detail = true, nil, nil
    for _, record in ipairs(records) do
        local is_gone, reason, why = self:withdraw(record)
        if not is_gone then
            is_ok, code, detail = nil, reason, why
        end
    end
    return is_ok, code, detail
end

--- Ends the watches and the connections.
function methods:close()
    for _, following in pairs(self.following) do
        following:cancel()
    end
    self.client:close()
end

local function take(known, name, entries)
    local list = {}
    for _, entry in ipairs(entries) do
        local record, problem
        if type(entry) == "table" then
            record, problem = consul.record_of(entry)
        end
        if record then
            list[#list + 1] = record
        else
            log.warn(("registry: an instance of %s is passed over: %s"):format(name,
                problem or "it is no object"))
        end
    end
    known:replace(name, list)
    known:mark_good()
    known:mark_complete(name)
end

-- Waits when answers come faster than they should.
local function pace(tokens)
    local now = scheduler.now()
    tokens.count = math.min(BURST, tokens.count + (now - tokens.at) * BURST_PER_S)
    tokens.at = now
    if tokens.count < 1 then
        scheduler.sleep(now + (1 - tokens.count) / BURST_PER_S)
    end
    tokens.count = tokens.count - 1
end

local function follow(self, known, name)
    local index, is_away = 0, false
    local tokens = { count = BURST, at = scheduler.now() }
    local retry = backoff.new(FIRST_RETRY_S, MOST_RETRY_S)
    while not context.current():err() do
        local entries, answered, detail = self.client:health(name, index, self.wait_s)
        if entries then
            take(known, name, entries)
            index, is_away = answered, false
            retry:reset()
            pace(tokens)
        else
            if not is_away and answered ~= "canceled" then
                is_away = true
                log.warn(("registry: consul cannot be asked for %s, what was known stays: %s")
                    :format(name, detail))
            end
            scheduler.sleep(scheduler.now() + retry:next())
        end
    end
end

--- Follows one service from now on.
function methods:discover(known, name)
    if not self.following[name] then
        local started = context.background():run(task.go, follow, self, known, name)
        started.name = "registry watch of " .. name
        self.following[name] = started
    end
end

--- The names of all services with a healthy or unhealthy instance, sorted.
function methods:list()
    local names, code, detail = self.client:names()
    if not names then
        return nil, code, detail
    end
    local list = {}
    for name in pairs(names) do
        -- Consul's servers stand among the services of others.
        if name ~= "consul" then
            list[#list + 1] = name
        end
    end
    table.sort(list)
    return list
end

return consul
