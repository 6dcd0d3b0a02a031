--- Destinations on the network that may be connected to, as an operator writes them: "*", "HOST",
-- "HOST:PORT", "*.example.org:443", "10.0.0.0/8", "10.0.0.0/8:443", "[2001:db8::1]:80",
-- "[2001:db8::]/32:443", "unix:/run/db.sock". A name stands for whatever it resolves to.
local host = require "host"

local network_grant = {}

-- Whatever stands before the port, and the port or nil.
local function split(text)
    local inside, bits, port = text:match("^%[([^%]]+)%](/?%d*):?(%d*)$")
    if inside then
        return inside .. bits, port ~= "" and port or nil
    elseif text:find(":.*:") then
        return text -- IPv6 without brackets has no port
    end
    local name, number = text:match("^([^:]+):(%d+)$")
    return name or text, number
end

local function parse_address(text)
    local base, bits = text:match("^([^/]+)/(%d+)$")
    local bytes = host.address_bytes(base or text)
    local bit_count = bytes and (tonumber(bits) or #bytes * 8)
    if bytes and bit_count <= #bytes * 8 then
        return { bytes = bytes, bit_count = bit_count }
    end
end

local function parse_name(text)
    local suffix = text:match("^%*(%.[%w_%-][%w_.%-]*)$")
    if suffix then
        return { suffix = suffix:lower() }
    elseif text:find("^[%w_][%w_.%-]*$") and not text:find("^[%d.]+$") then
        return { name = text:lower() }
    end
end

--- A grant as it is compared with destinations, or nil when the text is none.
function network_grant.parse(text)
    if text == "*" then
        return { is_any = true }
    elseif text:find("^unix:.") then
        return { path = text:sub(6) }
    end
    local base, port_text = split(text)
    local port = tonumber(port_text)
    local grant = parse_address(base) or parse_name(base)
    if not grant or port_text and (port < 1 or port > 65535) then
        return nil
    end
    grant.port = port
    return grant
end

local function has_port(grant, port)
    return grant.port == nil or grant.port == port
end

-- Whether the first `bit_count` bits of two texts of one length are the same.
local function is_within(bytes, grant)
    local whole = math.floor(grant.bit_count / 8)
    local rest = grant.bit_count % 8
    if #bytes ~= #grant.bytes or bytes:sub(1, whole) ~= grant.bytes:sub(1, whole) then
        return false
    elseif rest == 0 then
        return true
    end
    local unit = 2 ^ (8 - rest)
    local byte, granted = bytes:byte(whole + 1), grant.bytes:byte(whole + 1)
    return math.floor(byte / unit) == math.floor(granted / unit)
end

local function matches(grants, fits)
    for _, grant in ipairs(grants) do
        if grant.is_any or fits(grant) then
            return true
        end
    end
    return false
end

--- Whether one of the grants is for this name, so that all its addresses may be connected to.
function network_grant.has_name(grants, name, port)
    name = name:lower():gsub("%.$", "")
    return matches(grants, function(grant)
        return has_port(grant, port) and (grant.name == name
            or grant.suffix and name:sub(-#grant.suffix) == grant.suffix)
    end)
end

--- Whether one of the grants is for this numeric address.
function network_grant.has_address(grants, address, port)
    local bytes = host.address_bytes(address)
    return matches(grants, function(grant)
        return bytes and grant.bytes and has_port(grant, port) and is_within(bytes, grant)
    end)
end

function network_grant.has_path(grants, path)
    return matches(grants, function(grant)
        return grant.path == path
    end)
end

return network_grant
