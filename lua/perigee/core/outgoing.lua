--- Where this isolate may connect to, and how many connections it has. Anything goes in the host's
-- own isolates; a service has grants, and whatever its host's registry names.
local lazy = require "perigee.core.lazy"
local quotas = require "perigee.core.quotas"

local network_grant = lazy "perigee.core.network_grant"

local outgoing = {}

local grants       -- as parsed; nil: everything may be connected to
local vouched = {} -- "host:port" -> how many services have an instance there
local of_service = {} -- name -> the addresses of its instances
local open = setmetatable({}, { __mode = "k" })

--- Restricts this isolate to these destinations (perigee.core.network_grant).
function outgoing.restrict(texts)
    grants = {}
    for i, text in ipairs(texts) do
        grants[i] = network_grant.parse(text)
    end
end

--- The host's registry says that a service is at these addresses now, and at no others.
function outgoing.vouch(service, addresses)
    for _, address in ipairs(of_service[service] or {}) do
        local count = vouched[address] - 1
        vouched[address] = count > 0 and count or nil
    end
    of_service[service] = addresses
    for _, address in ipairs(addresses) do
        vouched[address] = (vouched[address] or 0) + 1
    end
end

local function refuse(address)
    local message = ("connecting to %s needs a grant: --allow-network %s"):format(address, address)
    quotas.count("network", message)
    return nil, "denied", message
end

--- Whether a name may be resolved and all its addresses be connected to: true; "some" when that
-- depends on the address; or nil, "denied", detail.
function outgoing.check_name(name, port)
    local address = name .. ":" .. port
    if not grants or vouched[address] or network_grant.has_name(grants, name, tonumber(port)) then
        return true
    end
    for _, grant in ipairs(grants) do
        if grant.bytes then
            return "some"
        end
    end
    return refuse(address)
end

--- Whether this numeric address ("10.0.0.7:80", "[::1]:80", "unix:/path") may be connected to:
-- true; or nil, "denied", detail.
function outgoing.check_address(address)
    if not grants or vouched[address] then
        return true
    end
    local path = address:match("^unix:(.+)$")
    local base, port = address:match("^%[?(.-)%]?:(%d+)$")
    if path and network_grant.has_path(grants, path)
        or base and network_grant.has_address(grants, base, tonumber(port)) then
        return true
    end
    return refuse(address)
end

-- Those that were closed or collected do not count.
local function count_open()
    local count = 0
    for _ in pairs(open) do
        count = count + 1
    end
    return count
end

--- Whether there is room for one more connection: true; or nil, "exhausted", detail.
function outgoing.check_room()
    if quotas.connections and count_open() >= quotas.connections then
        collectgarbage()
        if count_open() >= quotas.connections then
            return nil, "exhausted", quotas.refuse("connections")
        end
    end
    return true
end

--- A connection was opened, or closed.
function outgoing.add(stream)
    open[stream] = true
end

function outgoing.remove(stream)
    open[stream] = nil
end

return outgoing
