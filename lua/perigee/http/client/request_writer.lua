--- Composes the bytes of a request of HTTP/1.1 (RFC 9112) of parts that were checked: none of them
-- can end its line or pose as another. Where the body ends is said here and by nobody else.
local framing = require "perigee.http.client.framing"
local headers = require "perigee.http.headers"

local MAX_TIMEOUT_S = 24 * 3600

local announces_body = { POST = true, PUT = true, PATCH = true } -- even when there is none
local idempotent = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true,
    TRACE = true }
local own_fields = { ["content-length"] = true, ["transfer-encoding"] = true }

local request_writer = {
    --- The methods whose requests may be made twice (RFC 9110 9.2.2).
    IDEMPOTENT = idempotent,
}

local function method_problem(method)
    if type(method) ~= "string" or not headers.is_token(method) then
        return "the method must be a token such as GET"
    elseif method == "CONNECT" then
        return "CONNECT asks for a tunnel, which this client does not open"
    end
    return nil
end

local function target_problem(target)
    if type(target) ~= "string" or target == "" then
        return "the target must be a string such as /path?query"
    end
    local position = target:find("[%z\1-\32\127]")
    return position and ("the target has a space or control character at byte %d"):format(position)
end

local function field_problem(name, value, host_count)
    local problem = headers.problem(name, value)
    if problem then
        return problem
    elseif own_fields[name:lower()] then
        return ("the client writes %s itself"):format(name)
    end
    return host_count > 1 and "there is more than one Host" or nil
end

local function fields_problem(fields)
    if type(fields) ~= "table" then
        return "the fields must be a flat array {name, value, ...}"
    end
    local host_count = 0
    for i = 1, #fields, 2 do
        local name = fields[i]
        if type(name) == "string" and name:lower() == "host" then
            host_count = host_count + 1
        end
        local problem = field_problem(name, fields[i + 1], host_count)
        if problem then
            return problem
        end
    end
    return nil
end

local function source_problem(source)
    local length, trailers = source.length, source.trailers
    if type(source.read) ~= "function" or trailers ~= nil and type(trailers) ~= "function" then
        return "the source of a body must have a function read, and trailers is one too"
    elseif length ~= nil and (type(length) ~= "number" or length < 0 or length % 1 ~= 0) then
        return "the length of a body must be a number of bytes, not " .. tostring(length)
    end
    return nil
end

local function body_problem(body)
    if type(body) == "table" then
        return source_problem(body)
    end
    return body ~= nil and type(body) ~= "string"
        and ("the body must be a string or a source, not %s"):format(type(body)) or nil
end

-- Written so that NaN is a problem too.
local function number_problem(name, value, max)
    if value == nil or type(value) == "number" and value > 0 and value <= max then
        return nil
    end
    return ("%s must be a number above 0 and at most %d, not %s"):format(name, max, tostring(value))
end

local function receiver_problem(request)
    local head, piece = type(request.on_head), type(request.on_piece)
    local is_fine = head == piece and (head == "nil" or head == "function")
    return not is_fine and "on_head and on_piece must be functions, both or none" or nil
end

--- Says what is wrong with a request; nil when nothing is.
function request_writer.problem(request)
    if type(request) ~= "table" then
        return "a request is a table such as {method = \"GET\", target = \"/\"}"
    end
    return method_problem(request.method or "GET")
        or target_problem(request.target)
        or fields_problem(request.fields or {})
        or body_problem(request.body)
        or receiver_problem(request)
        or number_problem("timeout_s", request.timeout_s, MAX_TIMEOUT_S)
        or number_problem("max_body", request.max_body, 2 ^ 53)
end

--- The Host of requests to `address`.
function request_writer.authority(address)
    if address:find("^unix:") then
        return "localhost"
    end
    return address:find("^:") and "localhost" .. address or address
end

local function copy_fields(fields)
    local copy = headers.new()
    for i = 1, #fields, 2 do
        copy:add(fields[i], fields[i + 1])
    end
    return copy
end

local function framing_line(method, body)
    if type(body) == "table" then
        return body.length and ("Content-Length: %.0f\r\n"):format(body.length)
            or "Transfer-Encoding: chunked\r\n"
    elseif body ~= "" or announces_body[method] then
        return ("Content-Length: %d\r\n"):format(#body)
    end
    return ""
end

local function head_of(method, request, authority, fields)
    local pieces = { ("%s %s HTTP/1.1\r\n"):format(method, request.target) }
    if not fields:get("host") then
        pieces[#pieces + 1] = ("Host: %s\r\n"):format(authority)
    end
    pieces[#pieces + 1] = fields:text()
    pieces[#pieces + 1] = framing_line(method, request.body or "")
    pieces[#pieces + 1] = "\r\n"
    return table.concat(pieces)
end

-- The source, if the body has one, and what can be sent at once.
local function split_body(body)
    if type(body) == "table" then
        return body, ""
    end
    return nil, body or ""
end

--- Composes a request that has no problem.
-- @param authority for the Host field, unless the request has one
-- @param is_last no other request will follow on its connection
-- @return {bytes, source, expects_continue, timeout_s, method, max_body, on_head, on_piece,
-- is_last, is_idempotent}; the bytes are all but what the source has
function request_writer.compose(request, authority, is_last)
    local method = request.method or "GET"
    local fields = copy_fields(request.fields or {})
    local says_last = framing.has_token(fields:get("connection") or "", "close")
    if is_last and not says_last then
        fields:add("Connection", "close")
    end
    local source, content = split_body(request.body)
    return {
        bytes = head_of(method, request, authority, fields) .. content,
        source = source,
        expects_continue = source ~= nil and fields:get("expect") ~= nil,
        timeout_s = request.timeout_s,
        has_deadline = request.deadline ~= nil,
        method = method,
        max_body = request.max_body,
        max_head = request.max_head,
        limits = request.limits,
        on_head = request.on_head,
        on_piece = request.on_piece,
        is_last = is_last or says_last,
        is_idempotent = not source
            and (idempotent[method] or fields:get("idempotency-key") ~= nil),
    }
end

return request_writer
