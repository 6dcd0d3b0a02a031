--- Requests and calls that somebody tries from the dashboard: sent to the ports every client uses,
-- so that what comes back is what a client gets.
local client = require "perigee.http.client"
local host = require "host"
local http = require "perigee.http"
local json = require "perigee.json"
local json_values = require "perigee.rpc.json_values"
local rpc_client = require "perigee.rpc.client"

local trial = {}

local TIMEOUT_S = 15
local MOST_SIZE, SHOWN_SIZE = 4 * 1024 * 1024, 256 * 1024
local MOST_AT_ONCE = 8

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true,
    OPTIONS = true }

local under_way = 0

-- Where to connect to for what was listened on: the address of all interfaces is none.
local function reachable(address)
    return (address:gsub("^0%.0%.0%.0:", "127.0.0.1:"):gsub("^%[::%]:", "[::1]:"):gsub("^:",
        "127.0.0.1:"))
end

-- What is asked for: a table of texts. Raises an answer with the problem.
local function read(request, names)
    local asked, code, detail = request:json()
    if type(asked) ~= "table" then
        error(http.body_error(code or "invalid", detail or "a JSON object is expected"))
    end
    for _, name in ipairs(names) do
        if asked[name] ~= nil and type(asked[name]) ~= "string" then
            error(http.error(400, name .. " must be a string"))
        end
    end
    return asked
end

local function at_once(fn)
    if under_way >= MOST_AT_ONCE then
        return http.error(503, "too many are being tried at once")
    end
    under_way = under_way + 1
    local started = host.now()
    local is_ok, answer = pcall(fn)
    under_way = under_way - 1
    if not is_ok then
        error(answer, 0)
    end
    answer.ms = (host.now() - started) * 1000
    return answer
end

local function list_fields(response)
    local list = json.array()
    for name, value in response.fields:each() do
        list[#list + 1] = { name = name, value = value }
    end
    return list
end

local function describe(response)
    local body = response.body or ""
    return { status = response.status, fields = list_fields(response),
        body = body:sub(1, SHOWN_SIZE), size = #body, is_cut = #body > SHOWN_SIZE }
end

local function send(address, asked)
    local has_body = asked.body and asked.body ~= ""
    local response, code, detail = client.request({ address = reachable(address),
        method = asked.method, target = asked.target, body = has_body and asked.body or nil,
        fields = has_body and { "Content-Type", asked.content_type or "application/json" }
            or nil, timeout_s = TIMEOUT_S, max_body = MOST_SIZE })
    if not response then
        return { error = ("%s: %s"):format(code, tostring(detail or "no answer came")) }
    end
    return describe(response)
end

--- Body: { method=, target=, body= or nil, content_type= or nil }.
-- @return { status=, fields = { { name=, value= }, ... }, body = its first 256 KB, size=, is_cut=,
-- ms= }, or { error=, ms= } when no answer came; or an answer with the problem
function trial.request(supervisor, request)
    local asked = read(request, { "method", "target", "body", "content_type" })
    local address = supervisor.addresses.http
    if not address then
        return http.error(409, "the HTTP address speaks TLS, which this form does not")
    elseif not METHODS[asked.method] then
        return http.error(400, "method must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    elseif not (asked.target and asked.target:find("^/[\33-\126]*$")) then
        return http.error(400, "target must be a path such as /hello/Ann?x=1")
    elseif (asked.content_type or ""):find("[^\32-\126]") then
        return http.error(400, "content_type must be one line")
    end
    return at_once(function()
        return send(address, asked)
    end)
end

local function url_of(address)
    return address:find("^unix:") and "unix://" .. address:sub(#"unix:" + 1)
        or "tcp://" .. reachable(address)
end

local function call(address, method, argument)
    local server = rpc_client.dial(url_of(address), { codec = "json", timeout_s = TIMEOUT_S })
    local value, code, detail, failure = server:call(method, argument)
    server:close()
    if value == nil and code then
        return { error = ("%s: %s"):format(code, tostring(detail or "")),
            data = type(failure) == "table" and type(failure.data) == "string" and failure.data
                or nil }
    end
    if value == nil then
        return { reply = "null" }
    end
    local text, _, problem = json_values.encode(nil, value, "the reply")
    return { reply = text or "this reply is no JSON: " .. tostring(problem) }
end

--- Body: { method = "Service.Method", argument = a text of JSON, or nil }.
-- @return { reply = a text of JSON, ms= } or { error=, data=, ms= }; or an answer with the problem
function trial.call(supervisor, request)
    local asked = read(request, { "method", "argument" })
    local address = supervisor.addresses.rpc
    if not address or supervisor.addresses.is_rpc_secured then
        return http.error(409, address and "the RPC address speaks TLS"
            or "this host has no RPC address")
    elseif not (asked.method and asked.method:find("^[%w_]+%.[%w_]+$")) then
        return http.error(400, "method must be Service.Method")
    end
    local argument
    if asked.argument and asked.argument:find("%S") then
        local value, _, detail = json_values.read(asked.argument)
        if value == nil then
            return http.error(400, "the argument is no JSON: " .. tostring(detail))
        end
        argument = value
    end
    return at_once(function()
        return call(address, asked.method, argument)
    end)
end

return trial
