--- Requests without a body that the host sends on as they are, and whose answers it gives back as
-- they come, so that neither becomes values of Lua. An answer that is not plain is left on its
-- stream, and read by perigee.http.client.
local hop_fields = require "perigee.http.hop_fields"
local http_client = require "perigee.http.client"
local request_writer = require "perigee.http.client.request_writer"
local scheduler = require "perigee.core.scheduler"

local direct = {}

-- What a request on a kept stream meets when the instance had closed it meanwhile.
local IS_STALENESS = { eof = true, closed = true }

-- The lines for the last wait and number of attempts, which most often are the next, too: a wait is
-- told to the millisecond.
local told_ms, told_previous, told_lines

local function lines_of(attempt)
    local wait_ms = math.floor((attempt.deadline - scheduler.now()) * 1e3)
    if wait_ms ~= told_ms or attempt.previous ~= told_previous then
        local fields, lines = {}, ""
        hop_fields.add(fields, wait_ms / 1e3, attempt.previous)
        for i = 1, #fields, 2 do
            lines = lines .. fields[i] .. ": " .. fields[i + 1] .. "\r\n"
        end
        told_ms, told_previous, told_lines = wait_ms, attempt.previous, lines
    end
    return told_lines
end

-- The answer is not plain: it is read as any other. The stream is kept when it can be used again.
local function read_answer(owner, link, attempt, passing)
    local connection = http_client.over(link.stream, attempt.instance.address)
    local asked = owner.receiver_of(attempt, passing)
    asked.target = "/"
    local message = request_writer.compose(asked, connection.authority, false)
    message.bytes = "" -- it was sent
    local answer, code, detail = connection:exchange(message, attempt.deadline)
    if connection:is_reusable() then
        owner.links:keep(link)
    end
    return answer, code, detail
end

-- Sends the request on and waits for its answer. Returns the status of an answer that was given; or
-- nil, code.
local function pass(link, attempt, exchange, target)
    local is_sent, code = exchange:forward(link.stream, target, lines_of(attempt))
    if not is_sent then
        return nil, code == "invalid" and "unfit" or code
    end
    local status, is_reusable = exchange:answer_from(link.stream, attempt.deadline)
    link.is_reusable = status and is_reusable
    return status, is_reusable
end

-- A stream that failed before a byte of an answer came may have been closed before the request.
local function is_stale(link, code)
    return IS_STALENESS[code] and link.idle_since > 0 and not link.stream:poll()
end

-- The link that the request was passed on, the status of the answer; or nil, code.
local function pass_on_any(owner, attempt, exchange, target)
    local address = attempt.instance.address
    local link = owner.links:take(address)
    if link then
        local status, code = pass(link, attempt, exchange, target)
        if status or not is_stale(link, code) then
            return link, status, code
        end
        link.stream:close()
    end
    local opened, code = owner.links:open(address, attempt.deadline)
    if not opened then
        attempt.is_unsent = true
        return nil, nil, code
    end
    return opened, pass(opened, attempt, exchange, target)
end

--- Asks the instance of an attempt (perigee.destination.attempt).
-- @param owner { links = of perigee.gateway.links, receiver_of = function(attempt, passing) → what
-- perigee.http.client asks for, for an answer that is not plain }
-- @param passing { exchange = of the request, which is idempotent, ... }
-- @param target what is asked for
-- @return the status when the answer was given; or false, and what connection:exchange returns for
-- an answer that was not; or nil, code: "unfit" for a request that is not plain, of which nothing
-- was sent
function direct.ask(owner, attempt, passing, target)
    local link, status, code = pass_on_any(owner, attempt, passing.exchange, target)
    if not link then
        return nil, code
    elseif status and link.is_reusable or code == "unfit" then
        owner.links:keep(link)
    elseif code == "invalid" then
        return false, read_answer(owner, link, attempt, passing)
    else
        link.stream:close()
    end
    return status, code
end

return direct
