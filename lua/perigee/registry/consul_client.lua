--- Consul's agent over HTTP: one call a function. Registration belongs to one agent, so there is
-- one address.
local http_client = require "perigee.http.client"
local json = require "perigee.json"
local url = require "perigee.http.url"

local CALL_S = 3
local MAX_ANSWER_SIZE = 64 * 1024 * 1024

-- The agent adds up to a sixteenth to the time that a query may block.
local WAIT_FACTOR, WAIT_MARGIN_S = 17 / 16, 5

local methods = {}
local metatable = { __index = methods }

local consul_client = {}

--- Makes a client. `options`: addresses, a list of one host:port; token; tls of
-- perigee.core.tls_client.
function consul_client.new(options)
    local address = options.addresses[1]
    return setmetatable({ address = address, token = options.token,
        pool = http_client.pool(address, { limit = 64, tls = options.tls }) }, metatable)
end

local function fields_of(self, has_body)
    local fields = {}
    if has_body then
        fields[1], fields[2] = "Content-Type", "application/json"
    end
    if self.token then
        fields[#fields + 1] = "X-Consul-Token"
        fields[#fields + 1] = self.token
    end
    return fields
end

-- Returns the response; or nil, code, detail: "refused" when the agent said no.
local function request(self, method, target, message, timeout_s)
    local response, code, detail = self.pool:request({
        method = method, target = target, body = message and json.encode(message) or nil,
        fields = fields_of(self, message ~= nil), timeout_s = timeout_s or CALL_S,
        max_body = MAX_ANSWER_SIZE,
    })
    if not response then
        return nil, code, ("%s: %s"):format(self.address, detail or code)
    elseif response.status < 200 or response.status > 299 then
        return nil, "refused", ("%s: status %d: %s"):format(self.address, response.status,
            response.body:sub(1, 120))
    end
    return response
end

--- Registers a service as the agent's body describes it, in place of one with the same id.
function methods:register(body)
    local response, code, detail = request(self, "PUT",
        "/v1/agent/service/register?replace-existing-checks=true", body)
    return response and true, code, detail
end

--- Says that a check passes. Returns true; nil and "refused" when the agent does not know it.
function methods:pass(check)
    local response, code, detail = request(self, "PUT",
        "/v1/agent/check/pass/" .. url.encode(check))
    return response and true, code, detail
end

--- Deregisters. An agent that does not know it any more is fine.
function methods:deregister(id)
    local response, code, detail = request(self, "PUT",
        "/v1/agent/service/deregister/" .. url.encode(id))
    if response or code == "refused" and detail:find("status 404", 1, true) then
        return true
    end
    return nil, code, detail
end

local function decode(response)
    local value = json.decode(response.body)
    if type(value) ~= "table" then
        return nil, "invalid", "consul answered what is no JSON"
    end
    return value
end

--- What this agent has: id -> { ID, Service, Address, Port, ... }.
function methods:services()
    local response, code, detail = request(self, "GET", "/v1/agent/services")
    if not response then
        return nil, code, detail
    end
    return decode(response)
end

--- The names of all services: name -> tags.
function methods:names()
    local response, code, detail = request(self, "GET", "/v1/catalog/services")
    if not response then
        return nil, code, detail
    end
    return decode(response)
end

--- The healthy instances of a service; blocks up to `wait_s` while the index is `index`, if one is
-- given. Returns a list of { Node, Service, Checks } and the index for the next query, 0 to begin
-- anew.
function methods:health(name, index, wait_s)
    local target = "/v1/health/service/" .. url.encode(name) .. "?passing"
    if index > 0 then
        target = ("%s&index=%d&wait=%ds"):format(target, index, wait_s)
    end
    local response, code, detail = request(self, "GET", target, nil,
        index > 0 and wait_s * WAIT_FACTOR + WAIT_MARGIN_S or CALL_S)
    if not response then
        return nil, code, detail
    end
    local list
    list, code, detail = decode(response)
    if not list then
        return nil, code, detail
    end
    local answered = tonumber(response:header("X-Consul-Index")) or 1
    -- An index that went down belongs to servers that were restored.
    return list, answered < index and 0 or math.max(answered, 1)
end

function methods:close()
    self.pool:close()
end

return consul_client
