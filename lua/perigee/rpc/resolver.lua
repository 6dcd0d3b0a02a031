--- Where the service of a proxy runs. This is decided here, at each call, and nowhere else.
--
-- A place is a table with functions:
--
--    encode(argument, name) → bytes; or nil, code, detail when the value cannot go there
--    call(target, bytes, deadline, wishes) → result; or nil, code, detail, data
--    notify(target, bytes) → true; or nil, code, detail
--
-- where `target` = { name = "Service.Method", method = "Method", waits_on = what reports say of who
-- waits }, and `wishes` = { key =, is_idempotent =, retries =, hedge = } or false says which of
-- several instances is called, and how.
local host = require "host"
local local_call = require "perigee.rpc.local_call"
local worker_link = require "perigee.core.worker_link"

local resolver = {}

--- The place of `service`: on this host when it runs here, else wherever the registry knows it. Nil
-- when nobody knows it.
function resolver.find(service)
    if host.call_is_known(service) then
        return local_call
    end
    return worker_link.find_remote and worker_link.find_remote(service)
end

return resolver
