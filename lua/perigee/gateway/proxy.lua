--- A handler that has a service answer, wherever the registry knows it: a reverse proxy. Bodies
-- pass in pieces both ways, as fast as the slower side takes them, and are never gathered.
local http_client = require "perigee.http.client"
local http_error = require "perigee.http.http_error"
local log = require "perigee.log"
local message_fields = require "perigee.gateway.message_fields"
local spread = require "perigee.registry.spread"

local proxy = {}

local DEFAULT_TIMEOUT_S = 10
local PIECE_SIZE = 64 * 1024
local POOL_LIMIT = 256
local NO_LIMIT = 2 ^ 53

local OPTIONS = { service = "string", balancer = "string", timeout_s = "number", key = "function" }

-- Statuses that say that the instance is ill, not the request.
local IS_AT_FAULT = { [502] = true, [503] = true, [504] = true }

local STATUS_OF = { timeout = 504, not_found = 503, full = 503 }

local function check_options(options)
    if type(options) ~= "table" or type(options.service) ~= "string" then
        error("gateway.proxy takes { service = NAME }", 4)
    end
    for name, value in pairs(options) do
        if not OPTIONS[name] then
            error(("gateway.proxy has no option '%s'; there are service, balancer, timeout_s and "
                .. "key"):format(tostring(name)), 4)
        elseif type(value) ~= OPTIONS[name] then
            error(("gateway.proxy: %s must be a %s, got %s"):format(name, OPTIONS[name],
                type(value)), 4)
        end
    end
end

-- The path below the mount and the segments in front of the route's `*rest`, as it was sent.
local function rest_of(request)
    local rest = request.mount == "/" and request.path or request.path:sub(#request.mount + 1)
    local before = (request.route or ""):match("^(.-)/?%*[%w_]+$") or ""
    local _, segment_count = before:gsub("/", "")
    return rest:match("^" .. ("/[^/]*"):rep(segment_count) .. "(.*)$") or rest
end

local function target_of(request, instance)
    local query = request.target:match("%?.*$") or ""
    local mount = instance.mount or "/"
    local path = (mount == "/" and "" or mount) .. rest_of(request)
    return (path == "" and "/" or path) .. query
end

-- What is read of the client only when the instance takes it; nil without a body.
local function source_of(request)
    local length = request:header("content-length")
    if not length and not request:header("transfer-encoding") then
        return nil
    end
    return {
        length = length and tonumber(length),
        read = function()
            return request:read(PIECE_SIZE)
        end,
    }
end

local function begin(response, answer)
    response:status(answer.status)
    message_fields.pass(answer.fields, function(name, value)
        response:add_header(name, value)
    end)
end

-- Begins an answer that comes in pieces, or has no body but says how long it would be.
local function begin_pieces(response, answer)
    begin(response, answer)
    local length = tonumber(answer:header("content-length"))
    if length then
        response:header("Content-Length", length)
    end
    return response:write("") ~= nil
end

local function answer_whole(request, response, answer)
    if request.method == "HEAD" then
        begin_pieces(response, answer)
        response:finish()
    else
        begin(response, answer)
        response:send(answer.body)
    end
end

local function exchange_with(self, instance, request, response)
    local is_begun = false
    local answer, code, detail, is_unsent = self:pool_of(instance.address):request({
        method = request.method,
        target = target_of(request, instance),
        fields = message_fields.of_request(request),
        body = source_of(request),
        timeout_s = self.timeout_s,
        max_body = NO_LIMIT,
        on_head = function(head)
            is_begun = true
            return begin_pieces(response, head)
        end,
        on_piece = function(bytes)
            return response:write(bytes) ~= nil
        end,
    })
    return answer, is_begun, code, detail, is_unsent
end

-- What perigee.registry.spread calls with each instance. Its results: whether the request was
-- answered; or nil, code, detail.
local function make_attempt(self, request, response)
    return function(instance)
        local answer, is_begun, code, detail, is_unsent = exchange_with(self, instance, request,
            response)
        if not answer then
            local is_ok = code == "canceled" and nil or false
            return is_ok, is_unsent and not is_begun, nil, code, detail, is_begun
        elseif is_begun then
            response:write(answer.body)
            response:finish()
        else
            answer_whole(request, response, answer)
        end
        return not IS_AT_FAULT[answer.status], false, true
    end
end

local function refuse(self, code, detail)
    local reason = ("%s: %s"):format(self.service, detail or code)
    log.warn("no answer could be had of a service", { service = self.service, reason = code,
        detail = detail })
    return http_error.new(STATUS_OF[code] or 502, reason)
end

local methods = {}
local metatable = { __index = methods }

function methods:pool_of(address)
    local pool = self.pools[address]
    if not pool then
        pool = http_client.pool(address, { limit = POOL_LIMIT })
        self.pools[address] = pool
    end
    return pool
end

local function forget_pools(self, list)
    local present = {}
    for _, instance in ipairs(list) do
        present[instance.address] = true
    end
    for address, pool in pairs(self.pools) do
        if not present[address] then
            self.pools[address] = nil
            pool:close()
        end
    end
end

function methods:handle(request, response)
    if not self.spread:refresh() then
        return refuse(self, "not_found", "no instances are known")
    end
    local is_answered, code, detail, is_begun = self.spread:perform(self.key and self.key(request),
        nil, make_attempt(self, request, response))
    if is_answered then
        return nil
    elseif is_begun then
        -- The client shall not take what it got for the whole.
        error(("%s broke off its answer: %s"):format(self.service, detail or code), 0)
    end
    return refuse(self, code, detail)
end

--- Makes a handler for requests and responses of perigee.http. The path below the handler's route,
-- or else below its mount, is appended to the mount of the instance.
-- @param options { service = its name in the registry; balancer = a policy of perigee.balancer,
-- "peak_ewma"; timeout_s = 10, until an answer begins; key = function(request) → text, for
-- policies that pick by key }
function proxy.new(options)
    check_options(options)
    local self = setmetatable({ service = options.service, key = options.key,
        timeout_s = options.timeout_s or DEFAULT_TIMEOUT_S, pools = {} }, metatable)
    self.spread = spread.new({
        service = options.service,
        policy = options.balancer,
        on_change = function(list)
            forget_pools(self, list)
        end,
    })
    return function(request, response)
        return self:handle(request, response)
    end
end

return proxy
