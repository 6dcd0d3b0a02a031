--- Requests this worker's services do not answer themselves: sent on to the worker that runs the
-- service, or refused.
local exchange = require "perigee.service.exchange"
local hop_by_hop = require "perigee.http.hop_by_hop"
local hop_fields = require "perigee.core.lazy" "perigee.http.hop_fields"
local lazy = require "perigee.core.lazy"
local log = require "perigee.log"
local origin = require "perigee.service.origin"
local routing = require "perigee.worker.routing"
local scheduler = require "perigee.core.scheduler"

local client = lazy "perigee.http.client"
local handshake = lazy "perigee.http.websocket_handshake"
local tunnel = lazy "perigee.http.tunnel"

local forward = {}

local TEXT = "Content-Type: text/plain; charset=utf-8\r\n"
local RETRY = TEXT .. "Retry-After: 1\r\n"
local POOL_LIMIT, STREAM_LIMIT = 64, 256
local TIMEOUT_S = 60 -- for the head of the answer
local MAX_BODY_SIZE = 2 ^ 53
local PIECE_SIZE = 64 * 1024
local UPGRADE_REQUIRED = 426

local paths = {} -- slot -> address of that worker's mesh socket
local pools = {} -- by slot; those for streams by minus the slot

function forward.configure(mesh_addresses)
    paths = mesh_addresses
end

-- `keeps`, a name in small letters or nil, is passed on too.
local function pass_fields(fields, keeps)
    local kept = {}
    for i = 1, #fields, 2 do
        local name = fields[i]:lower()
        if not hop_by_hop[name] or name == keeps then
            kept[#kept + 1] = fields[i]
            kept[#kept + 1] = fields[i + 1]
        end
    end
    return kept
end

local function field_lines(fields)
    local lines = {}
    for i = 1, #fields, 2 do
        lines[#lines + 1] = fields[i] .. ": " .. fields[i + 1] .. "\r\n"
    end
    return table.concat(lines)
end

--- The connections to the worker in `slot`; those of streams, which may last, are apart.
function forward.pool_of(slot, is_stream)
    local key = is_stream and -slot or slot
    if not pools[key] then
        pools[key] = client.pool(paths[slot], { limit = is_stream and STREAM_LIMIT or POOL_LIMIT })
    end
    return pools[key]
end

--- Nothing will be sent on any more: the connections to other workers are closed, which wait for
-- that when they stop.
function forward.close()
    for key, pool in pairs(pools) do
        pools[key] = nil
        pool:close()
    end
end

-- What a 426 asks for, it asks of the client (RFC 9110 15.5.22).
local function answer_lines(answer)
    return field_lines(pass_fields(answer.fields,
        answer.status == UPGRADE_REQUIRED and "upgrade" or nil))
end

-- Begins the answer of which `answer` is the head.
local function start(asked, answer)
    local length = answer:header("content-length")
    return asked:start(answer.status, answer_lines(answer), length and tonumber(length))
end

-- What is read of the client only when the other worker takes it; nil without a body.
local function source_of(asked)
    local length = asked:field("content-length")
    if not length and not asked:field("transfer-encoding") then
        return nil
    end
    return {
        length = length and tonumber(length),
        read = function()
            return asked:read(PIECE_SIZE)
        end,
        trailers = function()
            return asked:trailers() or ""
        end,
    }
end

local function fields_for(asked, source)
    local fields = pass_fields(origin.fields(asked))
    if source and asked:field("expect") and asked.minor_version >= 1 then
        fields[#fields + 1], fields[#fields + 2] = "Expect", "100-continue"
    end
    local hop = asked.hop
    if hop then
        hop_fields.add(fields, hop.deadline and hop.deadline - scheduler.now(),
            hop.previous_attempts)
    end
    return fields
end

-- Sends the request on, and its answer back while it comes. Returns the answer, of which a begun
-- one has only the rest, and whether it was begun; or nil, whether it was begun, code, detail.
local function exchange_with(entry, asked)
    local is_begun, source = false, source_of(asked)
    local answer, reason, detail = forward.pool_of(entry.slot):request({
        method = asked.method,
        target = asked.target,
        fields = fields_for(asked, source),
        body = source,
        timeout_s = TIMEOUT_S,
        max_body = MAX_BODY_SIZE,
        on_head = function(head)
            is_begun = true
            return start(asked, head)
        end,
        on_piece = function(bytes)
            return asked:write(bytes)
        end,
    })
    return answer, is_begun, reason, detail
end

-- A head for HEAD says how long the body would be.
local function finish(asked, answer, is_begun, method)
    if not is_begun and method ~= "HEAD" then
        asked:respond(answer.status, answer_lines(answer), answer.body)
        return
    elseif not is_begun then
        start(asked, answer)
    elseif answer.body ~= "" then
        asked:write(answer.body)
    end
    asked:finish("")
end

local function refuse_unavailable(asked, entry)
    local text = ("The worker that runs %s is not available.\n"):format(entry.service)
    asked:respond(503, RETRY, text)
end

local function wants_websocket(asked)
    return asked:field("upgrade") ~= nil and handshake.is_asked_for({
        method = asked.method,
        version = "1." .. asked.minor_version,
        header = function(_, name) return asked:field(name) end,
    })
end

local function tunnel_on(asked, entry)
    local deadline = scheduler.now() + TIMEOUT_S
    local answer, opened = tunnel.ask(paths[entry.slot], asked.target, origin.fields(asked),
        deadline)
    if not answer then
        log.warn(("a WebSocket for %s could not be sent on to its worker"):format(entry.service),
            { worker = entry.slot, reason = opened })
        refuse_unavailable(asked, entry)
    elseif not opened then
        finish(asked, answer, false, asked.method)
    elseif asked:upgrade(tunnel.lines(answer)) then
        tunnel.join(asked, opened)
    else
        tunnel.close(opened.peer)
    end
end

local function send_on(asked, entry)
    local answer, is_begun, reason, detail = exchange_with(entry, asked)
    if answer then
        finish(asked, answer, is_begun, asked.method)
        return
    elseif reason ~= "canceled" then
        log.warn(("a request for %s could not be sent on to its worker"):format(entry.service),
            { worker = entry.slot, reason = reason, detail = detail })
    end
    if is_begun then
        asked:cut()
    else
        refuse_unavailable(asked, entry)
    end
end

local function refuse(asked, entry)
    asked:respond(503, RETRY, ("The service %s is not running: %s\n"):format(entry.service,
        entry.reason or entry.kind == "failed" and "it failed to load"
            or "it broke, and is started again"))
end

--- Takes the request of an event; called outside of tasks.
function forward.take(...)
    local asked = exchange.new(...)
    local entry = routing.find(asked.mount)
    if not entry then
        asked:respond(404, TEXT, "No service is mounted at this path.\n")
    elseif routing.keep(entry.service, asked.id) then
        return
    elseif entry.kind == "remote" then
        local run = wants_websocket(asked) and tunnel_on or send_on
        scheduler.spawn(run, asked, entry).name = "forward to " .. entry.service
    elseif not routing.pass_on(entry, asked.id) then
        refuse(asked, entry)
    end
end

return forward
