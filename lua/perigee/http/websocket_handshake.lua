--- What a WebSocket's opening handshake asks for, and what it is answered (RFC 6455 4.2). Pure: it
-- sees one request and the options of one route.
local handshake = {}

handshake.VERSION = "13"

local TOKEN = "[%w!#$%%&'*+.^_`|~-]+"
local MIN_WINDOW_BITS, MAX_WINDOW_BITS = 9, 15

-- The comma-separated elements of a field, without the white space around them.
local function elements(value)
    local list = {}
    for element in (value or ""):gmatch("[^,]+") do
        list[#list + 1] = element:match("^%s*(.-)%s*$")
    end
    return list
end

local function has_token(value, token)
    for _, element in ipairs(elements(value)) do
        if element:lower() == token then
            return true
        end
    end
    return false
end

-- 16 bytes in base64: the last character before the padding has four bits to spare.
local function is_key(value)
    return value ~= nil and #value == 24 and value:find("^[%w+/]+[AQgw]==$") ~= nil
end

local function is_own_origin(origin, host)
    local authority = origin:match("^%a[%w+.-]*://([^/]+)$")
    return authority ~= nil and host ~= nil and authority:lower() == host:lower()
end

-- A browser tells where the page comes from that opens the socket; other clients need not.
local function is_origin_allowed(request, origins)
    local origin = request:header("origin")
    if origin == nil or origins == "*" then
        return true
    end
    for _, allowed in ipairs(origins or {}) do
        if allowed:lower() == origin:lower() then
            return true
        end
    end
    return origins == nil and is_own_origin(origin, request:header("host"))
end

local function choose_protocol(request, protocols)
    local offered = elements(request:header("sec-websocket-protocol"))
    for _, protocol in ipairs(protocols or {}) do
        for _, candidate in ipairs(offered) do
            if candidate == protocol then
                return protocol
            end
        end
    end
    return nil
end

local function window_bits(value)
    local bits = value:match("^[1-9]%d?$") and tonumber(value)
    return bits and bits >= 8 and bits <= MAX_WINDOW_BITS and bits or nil
end

-- Each reads one parameter into `agreed`; false when this offer cannot be taken.
local PARAMETERS = {
    server_no_context_takeover = function(agreed, value)
        agreed.forgets_output = true
        return value == nil
    end,
    client_no_context_takeover = function(agreed, value)
        agreed.forgets_input = true
        return value == nil
    end,
    -- The compressor has no window of 256 bytes.
    server_max_window_bits = function(agreed, value)
        agreed.output_window_bits = value and window_bits(value)
        return agreed.output_window_bits ~= nil and agreed.output_window_bits >= MIN_WINDOW_BITS
    end,
    -- What the client says it could do is not asked of it.
    client_max_window_bits = function(_, value)
        return value == nil or window_bits(value) ~= nil
    end,
}

-- One parameter at `position`: name, value or nil, the position behind it; nothing when there is
-- none (RFC 6455 9.1). A quoted value has to be a token all the same.
local function parameter_at(text, position)
    local name, behind = text:match("^%s*;%s*(" .. TOKEN .. ")%s*()", position)
    if not name then
        return nil
    end
    local value, after = text:match("^=%s*(" .. TOKEN .. ")%s*()", behind)
    if not value then
        value, after = text:match('^=%s*"(' .. TOKEN .. ')"%s*()', behind)
    end
    return name, value, after or behind
end

-- One offer "permessage-deflate; name=value; ...". Returns what is agreed, or nil.
local function read_offer(offer)
    local name, position = offer:match("^(" .. TOKEN .. ")%s*()")
    if not name or name:lower() ~= "permessage-deflate" then
        return nil
    end
    local agreed, seen = { is_compressed = true }, {}
    while position <= #offer do
        local key, value, behind = parameter_at(offer, position)
        local read = key and not seen[key] and PARAMETERS[key]
        if not read or not read(agreed, value) then
            return nil
        end
        seen[key], position = true, behind
    end
    return agreed
end

local function describe_deflate(agreed)
    local parts = { "permessage-deflate" }
    if agreed.forgets_output then
        parts[#parts + 1] = "server_no_context_takeover"
    end
    if agreed.forgets_input then
        parts[#parts + 1] = "client_no_context_takeover"
    end
    if agreed.output_window_bits then
        parts[#parts + 1] = "server_max_window_bits=" .. agreed.output_window_bits
    end
    return table.concat(parts, "; ")
end

--- permessage-deflate as of RFC 7692 7.1: the first offer that can be taken. Returns what is agreed
-- and the text that says so; nothing when no offer fits.
function handshake.choose_deflate(value)
    for _, offer in ipairs(elements(value)) do
        local agreed = read_offer(offer)
        if agreed then
            return agreed, describe_deflate(agreed)
        end
    end
    return nil
end

local function asks_for_upgrade(request)
    return request.method == "GET" and has_token(request:header("upgrade"), "websocket")
        and has_token(request:header("connection"), "upgrade")
end

-- The host upgrades no other request: what follows the handshake must be the WebSocket's.
local function can_upgrade(request)
    return request.version ~= "1.0" and not has_token(request:header("connection"), "close")
        and not request:header("content-length") and not request:header("transfer-encoding")
end

--- True for a request that may become a WebSocket, if its route has one.
function handshake.is_asked_for(request)
    return asks_for_upgrade(request) and can_upgrade(request)
end

-- What is wrong with the request: status, message, fields; nothing when all is well.
local function refusal(request, options)
    if not asks_for_upgrade(request) then
        return 426, "this is a WebSocket: ask for an upgrade", { Upgrade = "websocket" }
    elseif request:header("sec-websocket-version") ~= handshake.VERSION then
        return 426, "the version of WebSocket spoken here is 13",
            { Upgrade = "websocket", ["Sec-WebSocket-Version"] = handshake.VERSION }
    elseif not can_upgrade(request) then
        return 400, "a WebSocket is opened in HTTP/1.1, without content and without close"
    elseif not is_key(request:header("sec-websocket-key")) then
        return 400, "Sec-WebSocket-Key must be 16 bytes in base64"
    elseif not is_origin_allowed(request, options.origins) then
        return 403, "this origin may not open the WebSocket"
    end
end

local function compose(key, protocol, extension)
    local lines = { "Upgrade: websocket\r\nSec-WebSocket-Accept: " .. key .. "\r\n" }
    if protocol then
        lines[#lines + 1] = "Sec-WebSocket-Protocol: " .. protocol .. "\r\n"
    end
    if extension then
        lines[#lines + 1] = "Sec-WebSocket-Extensions: " .. extension .. "\r\n"
    end
    return table.concat(lines)
end

--- Answers a handshake. `accept(key)` makes the value of Sec-WebSocket-Accept.
-- @param options of the route, see perigee.http.websocket
-- @return { lines =, protocol =, deflate = }, the last two nil where nothing was agreed; or nil,
-- status, message, fields
function handshake.answer(request, options, accept)
    local status, message, fields = refusal(request, options)
    if status then
        return nil, status, message, fields
    end
    local protocol = choose_protocol(request, options.protocols)
    local deflate, extension
    if options.compression then
        deflate, extension = handshake.choose_deflate(request:header("sec-websocket-extensions"))
    end
    local key = accept(request:header("sec-websocket-key"))
    return { lines = compose(key, protocol, extension), protocol = protocol, deflate = deflate }
end

return handshake
