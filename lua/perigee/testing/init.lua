--- For the specs of services: requests to a service without a socket.
--
--    local client = testing.client(require "hello")
--    local response = client:get("/hello/Ann")
--    assert.equal("Hello, Ann", response:json().message)
--
--    local socket = client:websocket("/chat")
--    socket:send("hello")
--    assert.equal("hello", (socket:receive()))
--
-- And for whatever waits: a clock that needs no time, and seeds (perigee.testing.seeds).
--
-- The whole way of a request is the real one, from the router to the composed fields; the host's
-- connection is replaced. `start` of the service is not called.
local headers = require "perigee.http.headers"
local json = require "perigee.json"
local lazy = require "perigee.core.lazy"
local perigee = require "perigee"
local router = require "perigee.http.router"
local server = require "perigee.http.server"
local url = require "perigee.http.url"

local READ_SIZE = 64 * 1024
local seeds = lazy "perigee.testing.seeds"
local virtual_clock = lazy "perigee.core.virtual_clock"
local websocket = lazy "perigee.testing.websocket"

-- Those of RFC 6455 1.3.
local KEY, ACCEPT_KEY = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

local REQUEST_OPTIONS = { headers = true, query = true, body = true, json = true, form = true,
    names = "headers, query, body, json, form" }
local WEBSOCKET_OPTIONS = { headers = true, query = true, protocols = true,
    names = "headers, query, protocols" }

-- A stand-in for the host's exchange, see perigee.http.server.
local Exchange = {}
Exchange.__index = Exchange

function Exchange:request_line()
    local path, mark, query = self.target:match("^([^?]*)(%??)(.*)$")
    return self.method, path, mark == "?" and query or nil, self.mount, self.target
end

function Exchange.version()
    return "1.1"
end

function Exchange:fields()
    return self.list
end

function Exchange:field(name)
    local values = headers.new(self.list):get_all(name)
    return values[1] and table.concat(values, ", ")
end

function Exchange.peer()
    return "127.0.0.1", 49152
end

-- A connection without TLS.
function Exchange.tls()
    return nil
end

function Exchange:body()
    return self.content
end

function Exchange:read(size)
    local at = self.position or 1
    local piece = self.content:sub(at, at + size - 1)
    self.position = at + #piece
    return piece ~= "" and piece or nil
end

function Exchange.trailers()
    return ""
end

local function parse_fields(lines)
    local fields = headers.parse(lines)
    assert(fields:text() == lines, "malformed fields")
    return fields
end

function Exchange:respond(status, lines, body)
    if self.response then
        return nil, "answered"
    end
    self.response = { status = status, headers = parse_fields(lines),
        body = self.method == "HEAD" and "" or body, is_cut = false, trailers = nil }
    return true
end

function Exchange:start(status, lines, length)
    self.length = length
    return self:respond(status, lines, "")
end

function Exchange:write(bytes)
    local response = self.response
    if self.method == "HEAD" or response.status == 304 then
        return nil, "closed"
    elseif self.length and #response.body + #bytes > self.length then
        return nil, "too_large"
    end
    response.body = response.body .. bytes
    return true
end

function Exchange:finish(lines)
    local response = self.response
    if self.length and self.method ~= "HEAD" and #response.body < self.length then
        response.is_cut = true
        return nil, "invalid"
    end
    response.trailers = parse_fields(lines)
    return true
end

local function read_piece(file, piece)
    local parts, position = {}, piece.first
    while position <= piece.last do
        local bytes = assert(file:read(position, math.min(piece.last - position + 1, READ_SIZE)))
        assert(bytes ~= "", "the file ended early")
        parts[#parts + 1] = bytes
        position = position + #bytes
    end
    return table.concat(parts)
end

function Exchange:respond_file(status, lines, file, pieces, length)
    self:start(status, lines, length)
    for _, piece in ipairs(self.method == "HEAD" and {} or pieces) do
        local bytes = piece
        if type(piece) == "table" then
            bytes = read_piece(file, piece)
        end
        self:write(bytes)
    end
    return self:finish("")
end

function Exchange:cut()
    self.response.is_cut = true
end

function Exchange.accept_key()
    return ACCEPT_KEY
end

function Exchange:open_websocket(lines, options)
    if not self.on_websocket then
        return nil, "invalid"
    end
    local protocol = parse_fields(lines):get("Sec-WebSocket-Protocol")
    local transport, socket = websocket.pair(options.message_size, { path = self.target }, protocol)
    self.on_websocket(socket)
    return transport
end

-- What a request gives back: status, headers (see perigee.http.headers), body; is_cut, true for an
-- answer in pieces that went wrong on the way; trailers of one that did not.
local Response = {}
Response.__index = Response

--- The body decoded as JSON; an error in the caller's line when it is none.
function Response:json()
    local value, _, detail = json.decode(self.body)
    if detail then
        error(("the body is not JSON: %s\n%s"):format(detail, self.body), 2)
    end
    return value
end

local Client = {}
Client.__index = Client

local testing = {}

local function fields_of(options)
    local list = headers.new({ "Host", "localhost" })
    for name, value in pairs(options.headers or {}) do
        for i, item in ipairs(type(value) == "table" and value or { value }) do
            local put = i == 1 and list.set or list.add
            put(list, name, item)
        end
    end
    return list
end

--- The body and the Content-Type it implies.
local function body_of(options)
    if options.json ~= nil then
        return json.encode(options.json, "json"), "application/json"
    elseif options.form then
        return url.encode_query(options.form), "application/x-www-form-urlencoded"
    end
    return options.body or ""
end

local function check_options(options, known)
    for key in pairs(options) do
        if not known[key] then
            error(("%s is not a request option (%s)"):format(tostring(key), known.names), 5)
        end
    end
end

-- Called for a method of the client, whose caller is to blame.
local function new_exchange(self, method, path, options, known)
    check_options(options, known)
    if type(path) ~= "string" or not path:find("^/[^%s%c]*$") then
        error("a path begins with / and has no white space: " .. tostring(path), 4)
    end
    if options.query then
        path = path .. (path:find("?", 1, true) and "&" or "?") .. url.encode_query(options.query)
    end
    return setmetatable({ method = method, target = path, list = fields_of(options),
        mount = self.mount }, Exchange)
end

--- Sends a request and returns the response {status, headers, body, is_cut, trailers, json()}.
-- @param path below "/", as a client of the host sends it; may hold a query
-- @param options headers, query and form as tables, a value or an array of values by name; body as
-- a string; json as any value
local function send(self, method, path, options)
    options = options or {}
    local exchange = new_exchange(self, method, path, options, REQUEST_OPTIONS)
    local body, content_type = body_of(options)
    if content_type and not exchange.list:get("Content-Type") then
        exchange.list:add("Content-Type", content_type)
    end
    exchange.content = body
    self.server:dispatch(exchange)
    return setmetatable(exchange.response, Response)
end

function Client:request(method, path, options)
    return (send(self, method, path, options))
end

for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
    --- client:get(path, options), and so on for each method.
    Client[method:lower()] = function(self, path, options)
        return (send(self, method, path, options))
    end
end

local function add_handshake(list, protocols)
    for name, value in pairs { Connection = "Upgrade", Upgrade = "websocket",
        ["Sec-WebSocket-Key"] = KEY, ["Sec-WebSocket-Version"] = "13",
        ["Sec-WebSocket-Protocol"] = protocols and table.concat(protocols, ", ") } do
        if not list:get(name) then
            list:add(name, value)
        end
    end
end

-- Runs the handshake and, when it succeeds, the service's function in a task of its own.
local function open_websocket(self, path, options)
    local exchange = new_exchange(self, "GET", path, options, WEBSOCKET_OPTIONS)
    local opened = perigee.chan(1)
    add_handshake(exchange.list, options.protocols)
    exchange.content = ""
    exchange.on_websocket = function(socket)
        opened:send(socket)
    end
    perigee.go(function()
        self.server:dispatch(exchange)
        opened:close()
    end)
    local socket, is_open, why = opened:recv()
    if is_open then
        return socket
    elseif why ~= "closed" then
        return nil, why
    end
    return nil, "refused", setmetatable(exchange.response, Response)
end

--- Opens a WebSocket of the service.
-- @param options headers and query as for requests; protocols, an array of subprotocols
-- @return the client's end, which has the methods and fields of the service's, see
-- docs/websocket.md; or nil, "refused" and the response to the handshake
function Client:websocket(path, options)
    local socket, code, response = open_websocket(self, path, options or {})
    return socket, code, response
end

--- Makes a client for a service, or for the router or function that is its `http`. A handler that
-- fails answers 500 with its traceback as the body; `client.faults` has the messages.
function testing.client(service)
    local app, mount = service, "/"
    if type(service) == "table" and not router.is(service) then
        app, mount = service.http, service.mount or "/"
    end
    local faults, id_count = {}, 0
    local function new_id()
        id_count = id_count + 1
        return ("%016x"):format(id_count)
    end
    local log = {
        error = function(message)
            faults[#faults + 1] = message
        end,
    }
    return setmetatable({
        server = server.new(app, { log = log, new_id = new_id, is_developing = true }),
        mount = mount,
        faults = faults,
    }, Client)
end

--- True in `perigee test`: whatever changes time or order for all tasks is for specs alone.
testing.is_in_specs = false

local function check_in_specs(name)
    if not testing.is_in_specs then
        error(("testing.%s works in specs, under perigee test"):format(name), 3)
    end
end

local Clock = {}
Clock.__index = Clock

--- Lets `seconds` pass, and what is due until then happen in order. Returns as perigee.sleep does.
function Clock.advance(_, seconds)
    if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
        error(("clock:advance takes seconds, got %s"):format(tostring(seconds)), 2)
    end
    local is_over, reason = virtual_clock.advance(seconds)
    return is_over, reason
end

--- Until the end of the spec all timers and deadlines, perigee.sleep and perigee.now follow a clock
-- that goes on to the next timer whenever no task is ready. Returns it.
function testing.virtual_clock()
    check_in_specs "virtual_clock"
    virtual_clock.start()
    return setmetatable({}, Clock)
end

--- Runs fn(seed) under `count` seeds, each of which orders ready tasks, ready cases of selects and
-- timers of one deadline in another way. See perigee.testing.seeds.
function testing.explore(count, fn)
    check_in_specs "explore"
    if type(count) ~= "number" or count < 1 or type(fn) ~= "function" then
        error("testing.explore takes a number of seeds and a function", 2)
    end
    seeds.explore(count, fn)
end

return testing
