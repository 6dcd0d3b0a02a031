--- Who answers requests to http+service://NAME/PATH. Where services run is known above http, so
-- whoever knows it installs one function here, for its isolate; in a service of a host that is
-- perigee.service.http_services, by perigee.core.worker_link.
--
-- The function is called with a client and a request:
--
--    function(client, request) → response; or nil, code, detail
--
--    request = {
--        service = "users",
--        method = "GET",
--        target = "/42?full=1",       -- below the service's mount
--        headers = Headers,           -- sent by each attempt; of the request alone, to be changed
--        is_idempotent = true,        -- by its method, or because it has an Idempotency-Key
--        is_repeatable = true,        -- its body can be sent once more
--        deadline = 12.5,             -- in seconds of perigee.now(): for all attempts together
--        destination = nil,           -- the caller's option of that name, as it was given
--    }
--
-- It makes as many attempts as it likes, also several at once, each at one place, and returns what
-- one of them returned:
--
--    client:attempt(request, place) → response; or nil, code, detail, is_unsent
--
--    place = {
--        address = "10.0.0.7:8080",
--        mount = "/users",            -- in front of the target; nil for none
--        scheme = "http",             -- or "https"; "http" when it is left out
--        deadline = 11.0,             -- of this attempt; the request's when it is left out
--    }
--
-- A response that is not returned has to be closed: response:close(). `is_unsent` says that the
-- server has not had a byte of the request, so that another may have it whatever its method.
local worker_link = require "perigee.core.worker_link"

local service_resolver = {}

local answer = false

--- Has `fn` answer such requests from now on. Returns the function before it, or false.
function service_resolver.install(fn)
    local before = answer
    answer = fn
    return before
end

--- What the installed function returns; or nil, "not_found", detail.
function service_resolver.answer(client, request)
    local ask = answer or worker_link.ask_service
    if not ask then
        return nil, "not_found",
            ("nobody here knows where services run, so there is no http+service://%s")
                :format(request.service)
    end
    local response, code, detail = ask(client, request)
    return response, code, detail
end

return service_resolver
