--- Who may ask the admin port: whoever shows the token, where there is one; and no page of another
-- site that a browser has open, which reaches what listens on loopback, too.
local base64 = require "perigee.core.base64"
local bit = require "bit"
local http = require "perigee.http"
local host = require "host"

local admin_guard = {}

-- Those who look after a host know no secrets.
local OPEN = { ["/healthz"] = true, ["/readyz"] = true }

-- Takes as long for any text of that size, whatever is right of it.
local function is_equal(given, token)
    local difference = bit.bxor(#given, #token)
    for i = 1, #token do
        difference = bit.bor(difference, bit.bxor(given:byte(i) or 0, token:byte(i)))
    end
    return difference == 0
end

-- The token of "Bearer TOKEN", or of "Basic ..." with it as the password, which browsers ask for.
local function token_of(authorization)
    local scheme, text = authorization:match("^(%a+) +(%S+)$")
    scheme = scheme and scheme:lower()
    if scheme == "bearer" then
        return text
    elseif scheme == "basic" then
        return (base64.decode(text) or ""):match("^[^:]*:(.*)$")
    end
end

local function has_token(request, token)
    return is_equal(token_of(request:header("authorization") or "") or "", token)
end

local function name_of(authority)
    return (authority:gsub(":%d+$", ""):gsub("^%[(.*)%]$", "%1"):lower())
end

-- A page that has had its own name point here sends that name. No page gets at a unix socket.
local function is_known(authority, own_name)
    local name = name_of(authority)
    return name == "" or own_name == "unix" or name == "localhost" or name == own_name
        or host.address_bytes(name) ~= nil
end

local function is_from_another_site(request)
    local origin = request:header("origin")
    return origin and origin:lower() ~= "http://" .. (request:header("host") or ""):lower()
end

local function refuse(self, request)
    if not self.token and not is_known(request:header("host") or "", self.name) then
        return http.error(403, "the admin port answers to addresses, localhost and the name that "
            .. "--admin gives it, not to this Host")
    elseif is_from_another_site(request) then
        return http.error(403, "the admin port takes nothing from pages of other sites")
    elseif self.token and not has_token(request, self.token) then
        return http.error(401, "the admin port wants its token: --admin-token-file", {
            ["WWW-Authenticate"] = 'Basic realm="perigee admin", charset="UTF-8"' })
    end
end

--- Middleware for the router of the admin port.
-- @param options address = where it listens, as the operator wrote it; token = a text or nil
function admin_guard.new(options)
    local is_socket = options.address:find("^unix:")
    local self = { token = options.token, name = is_socket and "unix" or name_of(options.address) }
    return function(next_one)
        return function(request, response)
            local refusal = not OPEN[request.path] and refuse(self, request)
            if refusal then
                return refusal
            end
            return next_one(request, response)
        end
    end
end

--- Whether an address is reached from this machine only.
function admin_guard.is_local(address)
    local bytes = host.address_bytes(name_of(address))
    return address:find("^unix:") ~= nil or bytes ~= nil
        and (#bytes == 4 and bytes:byte(1) == 127 or bytes == ("\0"):rep(15) .. "\1")
end

return admin_guard
