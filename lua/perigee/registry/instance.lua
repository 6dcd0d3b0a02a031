--- Instance records: what the registry knows of one running copy of a service.
--
--    { service = "users", id = "users-10.0.0.7-8080", address = "10.0.0.7:8080",
--      rpc = "10.0.0.7:1234", mount = "/users", version = "1.2", generation = 7, zone = "a",
--      weight = 100, metadata = { canary = "yes" } }
--
-- `service` and `address` must be there. Records are not changed once they are made: whoever wants
-- another makes one.
local json = require "perigee.json"

local instance = {}

local DEFAULT_WEIGHT = 100
local MAX_WEIGHT = 1000000
local MAX_NAME_SIZE = 128
local MAX_TEXT_SIZE = 256
local MAX_METADATA = 32

-- Field -> the type it must have.
local FIELDS = {
    service = "string", id = "string", address = "string", rpc = "string", mount = "string",
    version = "string", zone = "string", generation = "number", weight = "number",
    metadata = "table",
}

--- What is wrong with the name of a service or an instance; nil when nothing is. A "/" separates
-- names in the keys of etcd, and a name may stand in a URL.
function instance.name_problem(name, what)
    if type(name) ~= "string" then
        return ("%s must be a string, got %s"):format(what, type(name))
    elseif #name > MAX_NAME_SIZE or not name:find("^[%w_.:%-]+$") then
        return ("%s must be 1 to %d letters, digits, '_', '.', ':' or '-', got %q"):format(what,
            MAX_NAME_SIZE, name)
    end
    return nil
end

--- What is wrong with an address; nil when it reads host:port with a port one can connect to.
local function address_problem(address, what)
    local port = tonumber(address:match("^[^%s/]+:(%d+)$"))
    if not port or port < 1 or port > 65535 then
        return ("%s must be host:port, got %q"):format(what, address)
    end
    return nil
end

local function metadata_problem(metadata)
    local count = 0
    for key, value in pairs(metadata) do
        count = count + 1
        if type(key) ~= "string" or type(value) ~= "string" then
            return "metadata must have strings as keys and values"
        elseif #key > MAX_TEXT_SIZE or #value > MAX_TEXT_SIZE or count > MAX_METADATA then
            return ("metadata may have %d entries of %d bytes"):format(MAX_METADATA, MAX_TEXT_SIZE)
        end
    end
    return nil
end

local function field_problem(record)
    for name, value in pairs(record) do
        local wanted = FIELDS[name]
        if not wanted then
            return ("there is no field '%s'"):format(tostring(name))
        elseif type(value) ~= wanted then
            return ("%s must be a %s, got %s"):format(name, wanted, type(value))
        elseif wanted == "string" and #value > MAX_TEXT_SIZE then
            return ("%s is longer than %d bytes"):format(name, MAX_TEXT_SIZE)
        end
    end
    return nil
end

local function weight_problem(weight)
    if not (weight >= 0 and weight <= MAX_WEIGHT) then
        return ("weight must be from 0 to %d, got %s"):format(MAX_WEIGHT, tostring(weight))
    end
    return nil
end

-- Of fields that need not be there.
local function optional_problem(record)
    return record.rpc and address_problem(record.rpc, "rpc")
        or record.id and instance.name_problem(record.id, "id")
        or record.weight and weight_problem(record.weight)
        or record.metadata and metadata_problem(record.metadata) or nil
end

local function problem_of(record)
    local problem = field_problem(record) or instance.name_problem(record.service, "service")
    if problem then
        return problem
    elseif not record.address then
        return "address must be there: host:port"
    end
    return address_problem(record.address, "address") or optional_problem(record)
end

--- An id that is the same after a restart, so that an instance replaces itself and leaves no twin.
function instance.id_of(service, address)
    return ("%s-%s"):format(service, (address:gsub("[^%w_.%-]", "-")))
end

--- Makes a complete record of what a caller gave.
-- @return the record; or nil, problem
function instance.new(given)
    if type(given) ~= "table" then
        return nil, ("an instance is a table, got %s"):format(type(given))
    end
    local problem = problem_of(given)
    if problem then
        return nil, problem
    end
    local made = { id = given.id or instance.id_of(given.service, given.address),
        weight = given.weight or DEFAULT_WEIGHT, metadata = {} }
    for name, value in pairs(given) do
        made[name] = value
    end
    if given.metadata then
        made.metadata = {}
        for key, value in pairs(given.metadata) do
            made.metadata[key] = value
        end
    end
    return made
end

local function are_same_metadata(a, b)
    for key, value in pairs(a) do
        if b[key] ~= value then
            return false
        end
    end
    for key in pairs(b) do
        if a[key] == nil then
            return false
        end
    end
    return true
end

--- Whether two complete records say the same.
function instance.are_same(a, b)
    for name in pairs(FIELDS) do
        if name ~= "metadata" and a[name] ~= b[name] then
            return false
        end
    end
    return are_same_metadata(a.metadata, b.metadata)
end

--- The ids of some records, in their order.
function instance.ids(records)
    local ids = {}
    for i, record in ipairs(records) do
        ids[i] = record.id
    end
    return ids
end

--- A record as the text that is stored under its service and id.
function instance.encode(record)
    return json.encode(record)
end

--- The record that a stored text stands for.
-- @return the record; or nil, problem
function instance.decode(text)
    local value, _, problem = json.decode(text)
    if type(value) ~= "table" then
        return nil, problem or "an instance is an object"
    end
    -- Written by a newer version or another program: what is not known here is passed over.
    local known = {}
    for name in pairs(FIELDS) do
        if value[name] ~= json.null then
            known[name] = value[name]
        end
    end
    return instance.new(known)
end

return instance
