--- Requests to one of several servers that stand for the same thing. It stays with one while that
-- answers; after a failure the next is asked, and the one that failed is put aside for a time that
-- grows.
local http_client = require "perigee.http.client"
local scheduler = require "perigee.core.scheduler"

local FIRST_ASIDE_S, MOST_ASIDE_S = 5, 60
local POOL_LIMIT = 8

local methods = {}
local metatable = { __index = methods }

local endpoints = {}

--- Makes one of a list of addresses, host:port.
-- @param tls of perigee.core.tls_client, or nil
function endpoints.new(addresses, tls)
    local list = {}
    for i, address in ipairs(addresses) do
        list[i] = { address = address, aside_until = 0, aside_s = FIRST_ASIDE_S,
            pool = http_client.pool(address, { limit = POOL_LIMIT, tls = tls }) }
    end
    return setmetatable({ list = list, current = 1, tls = tls }, metatable)
end

-- The one in use, or the next that is not aside; when all are, the one that comes back first.
local function choose(self)
    local now, best = scheduler.now(), nil
    for i = 0, #self.list - 1 do
        local number = (self.current + i - 1) % #self.list + 1
        local endpoint = self.list[number]
        if endpoint.aside_until <= now then
            self.current = number
            return endpoint
        elseif not best or endpoint.aside_until < best.aside_until then
            best = endpoint
        end
    end
    return best
end

--- The endpoint to ask now: { address, pool }.
function methods:pick()
    return choose(self)
end

-- An endpoint has answered.
local function note_success(endpoint)
    endpoint.aside_until, endpoint.aside_s = 0, FIRST_ASIDE_S
end

--- Says that an endpoint did not answer, or cannot serve.
function methods:note_failure(endpoint)
    if #self.list > 1 then
        endpoint.aside_until = scheduler.now() + endpoint.aside_s
        endpoint.aside_s = math.min(endpoint.aside_s * 2, MOST_ASIDE_S)
    end
end

--- Asks one after the other until one answers with a status below 500, each once at most.
-- @param request as for perigee.http.client; its timeout_s is for each
-- @return the response; or nil, code, detail of the last
function methods:request(request)
    local response, code, detail
    for _ = 1, #self.list do
        local endpoint = choose(self)
        response, code, detail = endpoint.pool:request(request)
        if response and response.status < 500 then
            note_success(endpoint)
            return response
        elseif code == "canceled" then
            return nil, code, detail
        end
        self:note_failure(endpoint)
        detail = ("%s: %s"):format(endpoint.address, detail or code or "")
    end
    return response, code, detail
end

--- Closes the kept connections.
function methods:close()
    for _, endpoint in ipairs(self.list) do
        endpoint.pool:close()
    end
end

return endpoints
