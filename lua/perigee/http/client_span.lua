--- The span of an attempt to have a request answered, when what the running task works at is
-- traced.
local hop_fields = require "perigee.http.hop_fields"
local spans = require "perigee.core.spans"

local client_span = {}

local KNOWN_METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true,
    DELETE = true, OPTIONS = true, CONNECT = true, TRACE = true }

-- From this status on it is the request that fails, or who answers it.
local LEAST_FAILURE = 400

-- The caller went away, or another attempt came first: nobody's fault.
local IS_NO_FAILURE = { canceled = true }

-- An address says who is asked; what a URL says of users and passwords stays here.
local function describe(span, method, url)
    local scheme, authority, rest = url:match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
    authority = (authority or url):gsub("^.*@", "")
    local name, port = authority:match("^(.-):(%d+)$")
    span:set("http.request.method", KNOWN_METHODS[method] and method or "_OTHER")
        :set("server.address", name or authority)
    if port then
        span:set("server.port", tonumber(port))
    end
    if scheme then
        span:set("url.full", scheme .. "://" .. authority .. rest:gsub("[?#].*$", ""))
    end
end

--- Begins it. Returns the span, or nil when nothing is traced.
-- @param url or the address
function client_span.begin(method, url)
    local parent = spans.current()
    if not parent then
        return nil
    end
    local span = spans.begin(KNOWN_METHODS[method] and method or "HTTP", "client", parent)
    describe(span, method, url)
    return span
end

--- Has fields { name, value, ... } make the request a part of the trace; nil is no span.
function client_span.add_fields(span, fields)
    if span then
        hop_fields.add_trace(fields, spans.headers_of(span))
    end
end

--- Ends it; nil is no span.
-- @param status of the answer; or nil, code, detail
function client_span.finish(span, status, code, detail)
    if not span then
        return
    elseif status then
        span:set("http.response.status_code", status)
        if status >= LEAST_FAILURE then
            span:set("error.type", tostring(status)):fail("HTTP " .. status)
        end
    elseif not IS_NO_FAILURE[code] then
        span:set("error.type", code):fail(detail or code)
    end
    spans.finish(span)
end

--- What perigee.http.client.observers wants.
function client_span.observe(attempt)
    local span = client_span.begin(attempt.method, attempt.url)
    if not span then
        return nil
    end
    local traceparent, tracestate = spans.headers_of(span)
    attempt.headers:set("traceparent", traceparent)
    if tracestate then
        attempt.headers:set("tracestate", tracestate)
    end
    return function(response, code, detail)
        client_span.finish(span, response and response.status, code, detail)
    end
end

return client_span
