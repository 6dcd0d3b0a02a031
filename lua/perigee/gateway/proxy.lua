--- A handler that has a service answer, wherever the registry knows it: a reverse proxy. Bodies
-- pass in pieces both ways, as fast as the slower side takes them, and are never gathered.
local client_span = require "perigee.http.client_span"
local destination = require "perigee.destination"
local direct = require "perigee.gateway.direct"
local hop_fields = require "perigee.http.hop_fields"
local http_client = require "perigee.http.client"
local http_error = require "perigee.http.http_error"
local lazy = require "perigee.core.lazy"
local links = require "perigee.gateway.links"
local log = require "perigee.log"
local message_fields = require "perigee.gateway.message_fields"
local request_writer = require "perigee.http.client.request_writer"
local response_module = require "perigee.http.response"
local scheduler = require "perigee.core.scheduler"
local selection = require "perigee.gateway.selection"
local settings = require "perigee.destination.settings"
local target = require "perigee.gateway.target"
local verdict_of = require "perigee.http.verdict"

local handshake = lazy "perigee.http.websocket_handshake"
local tunnel = lazy "perigee.http.tunnel"
local websocket_relay = lazy "perigee.gateway.websocket_relay"

local proxy = {}

local DEFAULT_TIMEOUT_S = 10
local PIECE_SIZE = 64 * 1024
local POOL_LIMIT = 256
local NO_LIMIT = 2 ^ 53
local LEAST_TIMEOUT_S = 0.001

-- Its own options; all others are the destination's.
local OPTIONS = { service = "string", balancer = "string", timeout_s = "number", key = "function",
    metadata = "table", idle_s = "number", max_message = "number" }

local DEFAULT_IDLE_S = 120 -- longer than instances wait to ping
local DEFAULT_MESSAGE_SIZE = 16 * 1024 * 1024

local STATUS_OF = { timeout = 504, not_found = 503, full = 503, rejected = 503 }

local function check_options(options)
    if type(options) ~= "table" or type(options.service) ~= "string" then
        error("gateway.proxy takes { service = NAME }", 4)
    end
    for name, wanted in pairs(OPTIONS) do
        if options[name] ~= nil and type(options[name]) ~= wanted then
            error(("gateway.proxy: %s must be a %s, got %s"):format(name, wanted,
                type(options[name])), 4)
        end
    end
    local problem = options.metadata and selection.problem(options.metadata)
    if problem then
        error("gateway.proxy: " .. problem, 4)
    end
end

-- The rest of the options, as perigee.destination takes them, checked.
local function destination_options(options)
    local passed = { policy = options.balancer }
    for name, value in pairs(options) do
        if not OPTIONS[name] then
            passed[name] = value
        end
    end
    local _, problem = settings.of_destination(passed)
    if problem then
        error("gateway.proxy: " .. problem, 4)
    end
    return passed
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

-- Begins to pass an answer on, unless another attempt is to be made, or has come first.
local function take_head(attempt, passing, head)
    attempt.verdict = verdict_of(head.status)
    if attempt.verdict == "ill" and attempt:may_be_followed() or not attempt:claim() then
        return false
    end
    passing.is_begun = true
    return begin_pieces(passing.response, head)
end

local function fields_of(attempt, request, span)
    local fields = message_fields.of_request(request)
    hop_fields.add(fields, attempt.deadline - scheduler.now(), attempt.previous)
    client_span.add_fields(span, fields)
    return fields
end

local function note_failure(attempt, passing, code, is_unsent)
    attempt.is_unsent = is_unsent and not passing.is_begun
    attempt:blame(code)
end

-- What perigee.http.client asks for: who takes an answer that does not come at once.
local function receiver_of(attempt, passing)
    return {
        method = passing.request.method,
        max_body = NO_LIMIT,
        on_head = function(head)
            return take_head(attempt, passing, head)
        end,
        on_piece = function(bytes)
            return passing.response:write(bytes) ~= nil
        end,
    }
end

local function note_answer(attempt, answer)
    attempt.verdict = verdict_of(answer.status)
    attempt.retry_after_s = tonumber(answer:header("retry-after"))
    return answer
end

-- The attempt of a call. An answer that comes at once is not passed on before the call is over.
local function ask(self, attempt, passing)
    local request = passing.request
    local span = client_span.begin(request.method, attempt.instance.address)
    local asked = receiver_of(attempt, passing)
    asked.target = target.of(request, attempt.instance.mount)
    asked.fields = fields_of(attempt, request, span)
    asked.body = passing.source
    asked.timeout_s = math.max(LEAST_TIMEOUT_S, attempt.deadline - scheduler.now())
    local answer, code, detail, is_unsent = self:pool_of(attempt.instance.address):request(asked)
    client_span.finish(span, answer and answer.status, code, detail)
    if not answer then
        note_failure(attempt, passing, code, is_unsent)
        return nil, code, detail
    end
    return note_answer(attempt, answer)
end

-- The result of an attempt whose answer the client has.
local GIVEN = {}

-- The attempt of a call whose request is plain, as far as is known.
local function ask_directly(self, attempt, passing)
    local status, answer, code, detail = direct.ask(self, attempt, passing,
        target.of(passing.request, attempt.instance.mount))
    if status then
        attempt.verdict = "ok"
        response_module.note_answer(passing.response, "an instance", status)
        return GIVEN
    elseif answer == "unfit" then
        return ask(self, attempt, passing)
    elseif answer and status == false then
        return note_answer(attempt, answer)
    end
    code = status == nil and answer or code
    note_failure(attempt, passing, code, attempt.is_unsent)
    return nil, code, detail
end

-- The attempt of a call for a WebSocket. How long that lasts says nothing of the instance, so a
-- call is only its handshake. Returns the answer and what tunnel.join takes.
local function shake_hands(attempt, request)
    local fields = fields_of(attempt, request)
    fields[#fields + 1], fields[#fields + 2] = "Upgrade", request:header("upgrade")
    local answer, opened, detail, is_unsent = tunnel.ask(attempt.instance.address,
        target.of(request, attempt.instance.mount), fields, attempt.deadline)
    if not answer then
        attempt.is_unsent = is_unsent
        return nil, opened, detail
    end
    attempt.verdict = verdict_of(answer.status)
    return { answer = answer, opened = opened }
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
    self.links:forget(present)
    for address, pool in pairs(self.pools) do
        if not present[address] then
            self.pools[address] = nil
            pool:close()
        end
    end
end

-- Ends what was begun, or answers with what has come at once.
local function conclude(self, passing, answer, code, detail)
    if passing.is_begun and not answer then
        -- The client shall not take what it got for the whole.
        error(("%s broke off its answer: %s"):format(self.service, detail or code), 0)
    elseif passing.is_begun then
        passing.response:write(answer.body)
        passing.response:finish()
    elseif answer == GIVEN then
        return nil
    elseif answer then
        answer_whole(passing.request, passing.response, answer)
    else
        return refuse(self, code, detail)
    end
end

-- Not in specs without a host. A request whose trace is recorded shows who was asked, and tells
-- them of the trace.
local function may_pass_bytes(passing)
    return passing.exchange.forward and not passing.exchange.span
end

local function pass_message(self, request, response)
    local passing = { request = request, response = response, source = source_of(request),
        exchange = response_module.exchange_of(response), is_begun = false }
    local is_idempotent = not passing.source and request_writer.IDEMPOTENT[request.method] or false
    local run = is_idempotent and self.is_direct and may_pass_bytes(passing) and ask_directly or ask
    return conclude(self, passing, self.destination:call({
        key = self.key and self.key(request),
        method = request.method,
        is_idempotent = is_idempotent,
        timeout_s = self.timeout_s,
        attempt = function(_, attempt)
            return run(self, attempt, passing)
        end,
    }))
end

local function pass_websocket(self, request, response)
    local shaken, code, detail = self.destination:call({
        key = self.key and self.key(request),
        method = "WebSocket",
        hedge = false,
        timeout_s = self.timeout_s,
        attempt = function(_, attempt)
            return shake_hands(attempt, request)
        end,
    })
    if not shaken then
        return refuse(self, code, detail)
    elseif not shaken.opened then
        answer_whole(request, response, shaken.answer)
        return nil
    end
    response_module.note_answer(response, "its handshake", shaken.answer.status)
    websocket_relay.run(response_module.exchange_of(response), shaken.answer, shaken.opened, self)
end

function methods:handle(request, response)
    if request:header("upgrade") and handshake.is_asked_for(request) then
        return pass_websocket(self, request, response)
    end
    return pass_message(self, request, response)
end

--- Makes a handler for requests and responses of perigee.http. The path below the handler's route,
-- or else below its mount, is appended to the mount of the instance.
-- @param options { service = its name in the registry; balancer = a policy of perigee.balancer,
-- "peak_ewma"; timeout_s = 10, until an answer begins; key = function(request) → text, for
-- policies that pick by key; metadata = that instances must have; for WebSockets idle_s = 120,
-- without a byte, and max_message = 16 MiB as sent; and whatever else perigee.destination takes }
function proxy.new(options)
    check_options(options)
    local self = setmetatable({ service = options.service, key = options.key,
        timeout_s = options.timeout_s or DEFAULT_TIMEOUT_S, pools = {}, links = links.new(),
        receiver_of = receiver_of,
        idle_s = options.idle_s or DEFAULT_IDLE_S,
        max_message = options.max_message or DEFAULT_MESSAGE_SIZE,
        destination = destination.open(options.service, destination_options(options),
            options.metadata and selection.new(options.metadata)) }, metatable)
    -- Of attempts beside each other the first to have an answer gives it, which Lua has to see.
    self.is_direct = not self.destination.settings.hedge
    self.destination:on_change(function(list)
        forget_pools(self, list)
    end)
    return function(request, response)
        return self:handle(request, response)
    end
end

return proxy
