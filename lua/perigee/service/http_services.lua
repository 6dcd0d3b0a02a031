--- What answers requests to http+service://NAME/PATH (perigee.http.client.service_resolver): an
-- instance of the service on whichever host, by perigee.destination.
local destination = require "perigee.destination"
local hop_fields = require "perigee.http.hop_fields"
local verdict_of = require "perigee.http.verdict"

local http_services = {}

-- What a request may ask for in its option `destination`.
local WISHES = { key = true, is_idempotent = true, retries = true, hedge = true, breaker = true }

local NO_WISHES = {}

local destinations = {} -- name of a service -> destination

-- That of a service that has instances. Names may come from outside, so those that nobody has ever
-- heard of are not kept.
local function destination_of(service)
    local found = destinations[service] or destination.open(service)
    local is_there, code, detail = found:refresh()
    if is_there then
        destinations[service] = found
    elseif not destinations[service] then
        found:close()
    end
    return is_there and found, code, detail
end

local function check_wishes(wishes)
    for name in pairs(wishes) do
        if not WISHES[name] then
            error(("the option destination has no '%s'; there are breaker, hedge, is_idempotent, "
                .. "key and retries"):format(tostring(name)), 0)
        end
    end
end

-- An answer that says that the instance is ill is kept until another attempt has begun, which may
-- never be. `asked` = { client =, request =, kept = response or false }.
local function take(asked, attempt, response)
    attempt.verdict = verdict_of(response.status)
    attempt.retry_after_s = tonumber(response.headers:get("retry-after"))
    if attempt.verdict == "ill" and attempt:may_be_followed() then
        if not attempt.race then
            asked.kept = response
            return response
        end
        response:close()
        return nil, "unavailable", "status " .. response.status
    elseif not attempt:claim() then
        response:close()
        return nil, "canceled", "another attempt was answered first"
    end
    return response
end

local function try(asked, attempt)
    if asked.kept then
        asked.kept:close()
        asked.kept = false
    end
    hop_fields.set(asked.request.headers, attempt.deadline, attempt.previous)
    local response, code, detail, is_unsent = asked.client:attempt(asked.request, {
        address = attempt.instance.address,
        mount = attempt.instance.mount,
        deadline = attempt.deadline,
    })
    if response then
        return take(asked, attempt, response)
    end
    attempt.is_unsent = is_unsent
    attempt:blame(code)
    return nil, code, detail
end

local function is_idempotent(request, wishes)
    local wanted = wishes.is_idempotent
    if wanted == nil then
        wanted = request.is_idempotent
    end
    return wanted and request.is_repeatable
end

--- See perigee.http.client.service_resolver.
function http_services.answer(client, request)
    local wishes = request.destination or NO_WISHES
    check_wishes(wishes)
    local over, code, detail = destination_of(request.service)
    if not over then
        return nil, code, detail
    end
    local asked = { client = client, request = request, kept = false }
    local response
    response, code, detail = over:call({
        method = request.method,
        key = wishes.key,
        is_idempotent = is_idempotent(request, wishes),
        retries = wishes.retries, hedge = wishes.hedge, breaker = wishes.breaker,
        deadline = request.deadline,
        attempt = function(_, attempt)
            return try(asked, attempt)
        end,
    })
    return response, code, detail
end

return http_services
