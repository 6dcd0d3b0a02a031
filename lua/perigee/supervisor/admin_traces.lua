--- What the admin port has of traces: the last requests that were slow, failed or were sampled.
local http = require "perigee.http"
local trace_store = require "perigee.supervisor.trace_store"

local DEFAULT_COUNT, MOST_COUNT = 50, 1000

local function list_traces(traces, query)
    local count = tonumber(query.limit or DEFAULT_COUNT)
    if query.kind and not trace_store.is_kind(query.kind) then
        return http.error(400, ("kind must be slow, failed or sampled, got '%s'"):format(
            query.kind))
    elseif not count or count < 0 or count > MOST_COUNT or count % 1 ~= 0 then
        return http.error(400, ("limit must be from 0 to %d"):format(MOST_COUNT))
    end
    return { traces = traces:list(query.service, query.kind, count), counters = traces:counters() }
end

--- Adds the routes: GET /traces, GET /traces/ID.
-- @param traces of perigee.supervisor.trace_store
return function(app, traces)
    app:get("/traces", function(request)
        return list_traces(traces, request.query)
    end)
    app:get("/traces/:id", function(request)
        return traces:get(request.params.id)
            or http.error(404, "this trace is not kept, or not any more")
    end)
end
