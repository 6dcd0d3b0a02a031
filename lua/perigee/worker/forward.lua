--- Requests this worker's services do not answer themselves: sent on to the worker that runs the
-- service, or refused.
local exchange = require "perigee.service.exchange"
local lazy = require "perigee.core.lazy"
local log = require "perigee.log"
local routing = require "perigee.worker.routing"
local scheduler = require "perigee.core.scheduler"

local client = lazy "perigee.http.client"

local forward = {}

local TEXT = "Content-Type: text/plain; charset=utf-8\r\n"
local RETRY = TEXT .. "Retry-After: 1\r\n"
local POOL_LIMIT = 64
local TIMEOUT_S = 60

-- Fields that belong to one connection and not to the message (RFC 9110 7.6.1), and those the host
-- writes itself.
local HOP_BY_HOP = {
    ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true,
    ["transfer-encoding"] = true, ["upgrade"] = true, ["proxy-connection"] = true,
    ["content-length"] = true, ["date"] = true, ["expect"] = true,
}

local paths = {} -- slot -> address of that worker's mesh socket
local pools = {}

function forward.configure(mesh_addresses)
    paths = mesh_addresses
end

local function pass_fields(fields)
    local kept = {}
    for i = 1, #fields, 2 do
        if not HOP_BY_HOP[fields[i]:lower()] then
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

local function pool_of(slot)
    if not pools[slot] then
        pools[slot] = client.pool(paths[slot], { limit = POOL_LIMIT })
    end
    return pools[slot]
end

--- Nothing will be sent on any more: the connections to other workers are closed, which wait for
-- that when they stop.
function forward.close()
    for slot, pool in pairs(pools) do
        pools[slot] = nil
        pool:close()
    end
end

local function send_on(asked, entry)
    local method, _, _, _, _, target = asked:request_line()
    if not method then
        return
    end
    local body, code = asked:body()
    if not body then
        asked:respond(code == "too_large" and 413 or 400, TEXT, "The body could not be read.\n")
        return
    end
    local answer, reason, detail = pool_of(entry.slot):request({
        method = method,
        target = target,
        fields = pass_fields(asked:fields()),
        body = body,
        timeout_s = TIMEOUT_S,
    })
    if answer then
        asked:respond(answer.status, field_lines(pass_fields(answer.fields)), answer.body)
        return
    end
    log.warn(("a request for %s could not be sent on to its worker"):format(entry.service),
        { worker = entry.slot, reason = reason, detail = detail })
    asked:respond(503, RETRY, ("The worker that runs %s is not available.\n"):format(entry.service))
end

local function refuse(asked, entry)
    asked:respond(503, RETRY, ("The service %s is not running: %s\n"):format(entry.service,
        entry.reason or "it failed to load"))
end

--- Takes the request with this number; called outside of tasks.
function forward.take(exchange_id)
    local asked = exchange.new(exchange_id)
    local _, _, _, mount = asked:request_line()
    local entry = mount and routing.find(mount)
    if not entry then
        asked:respond(404, TEXT, "No service is mounted at this path.\n")
    elseif routing.keep(entry.service, exchange_id) then
        return
    elseif entry.kind == "remote" then
        scheduler.spawn(send_on, asked, entry).name = "forward to " .. entry.service
    else
        refuse(asked, entry)
    end
end

return forward
