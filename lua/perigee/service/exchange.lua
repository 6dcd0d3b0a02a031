--- An HTTP exchange of the host as perigee.http.server wants it: the seam's numbers behind methods.
local event = require "perigee.core.event"
local host = require "host"
local lazy = require "perigee.core.lazy"
local quotas = require "perigee.core.quotas"
local scheduler = require "perigee.core.scheduler"
local timers = require "perigee.core.timers"

local deadlines = lazy "perigee.service.deadlines"
local origin = lazy "perigee.service.origin"
local request_trace = lazy "perigee.service.request_trace"
local websocket = lazy "perigee.service.websocket"

local exchange = {}
local methods = {}
local metatable = { __index = methods }

-- Of an isolate where WebSockets are opened; see exchange.set_owner.
local owner

-- A client that goes away ends every wait of its exchange: asking again then says why.
scheduler.on_event(event.ABANDONED, function(id)
    scheduler.notify(event.BODY, id)
    scheduler.notify(event.ROOM, id)
end)

--- Where WebSockets are opened: `new_owner` = { websocket_ping_s =, on_websocket =
-- function(exchange, transport), is_leaving = }.
function exchange.set_owner(new_owner)
    owner = new_owner
end

--- The exchange of an event: its number, and what comes with it (host.next_event).
function exchange.new(id, method, path, query, mount, minor_version, target, deadline,
        previous_attempts, traceparent)
    -- Constants first, see perigee.core.task_record.
    local self = setmetatable({ id = 0, method = false, path = false, query = false, mount = false,
        minor_version = 0, target = false, started_at = 0, route = false }, metatable)
    self.id, self.method, self.path, self.query = id, method, path, query
    self.mount, self.minor_version, self.target = mount, minor_version, target
    self.started_at = timers.turn_started
    if previous_attempts then
        self.hop = { deadline = deadline, previous_attempts = previous_attempts }
    end
    if traceparent then
        self.traceparent = traceparent
    end
    return self
end

--- That of a WebSocket another generation has passed on: its number, and its request_line.
function exchange.resume(id, method, path, query, mount, target)
    return exchange.new(id, method, path, query, mount, 1, target)
end

--- Begins the span of what it asks for, see perigee.core.spans.
function methods:open_span()
    local span = request_trace.open(self)
    return span
end

--- What the task that answers it is called in reports.
function methods:title()
    return self.method .. " " .. self.target
end

function methods:request_line()
    return self.method, self.path, self.query, self.mount, self.target
end

--- Of the client's HTTP, also where another worker has sent the request on in 1.1.
function methods:version()
    local sent = host.exchange_origin(self.id)
    return sent and origin.version(sent) or "1." .. self.minor_version
end

-- What a route is called in metrics: a pattern with the mount before it. Nil for none.
local function name_route(mount, route)
    if not route.pattern then
        return route.is_any and mount .. (mount == "/" and "*" or "/*")
    elseif mount == "/" then
        return route.pattern
    end
    return route.pattern == "/" and mount or mount .. route.pattern
end

-- The number the request is counted by. The route is perigee.http.router's and keeps it.
local function number_of(self)
    local route = self.route
    if not route then
        return nil
    elseif not route.metric then
        local name = name_route(self.mount, route)
        route.metric = name and host.metric_route(name) or 0
    end
    return route.metric
end

function methods:fields()
    local fields = host.exchange_fields(self.id) or {}
    local sent = host.exchange_origin(self.id)
    return sent and origin.restore(fields, sent) or fields
end

function methods:field(name)
    local sent = name == "host" and host.exchange_origin(self.id)
    if sent and not origin.has_host(sent) then
        return nil
    end
    return host.exchange_field(self.id, name)
end

--- The client's host and port.
function methods:peer()
    local sent = host.exchange_origin(self.id)
    if sent then
        local client, port = origin.decode(sent)
        return client, port
    end
    return host.exchange_peer(self.id)
end

--- Version, cipher, host asked for or nil, subject of the client's certificate or nil. Nothing
-- without TLS.
function methods:tls()
    local sent = host.exchange_origin(self.id)
    if sent then
        return select(3, origin.decode(sent))
    end
    return host.exchange_tls(self.id)
end

--- The whole body, waited for; or nil, code.
function methods:body()
    while true do
        local body, code = host.exchange_body(self.id)
        if body or code ~= "again" then
            return body, code
        end
        local is_there, reason = scheduler.wait_event(event.BODY, self.id)
        if not is_there then
            return nil, reason
        end
    end
end

--- At most `size` of the next bytes of the body, waited for; nil at its end; or nil, code.
function methods:read(size)
    while true do
        local bytes, code = host.exchange_read(self.id, size)
        if bytes then
            return bytes
        elseif code == "eof" then
            return nil
        elseif code ~= "again" then
            return nil, code
        end
        local is_there, reason = scheduler.wait_event(event.BODY, self.id)
        if not is_there then
            return nil, reason
        end
    end
end

function methods:trailers()
    return host.exchange_trailers(self.id)
end

function methods:start(status, fields, length)
    self.is_begun, self.begun_at = true, timers.turn_started
    if self.hop then
        deadlines.lift(self)
    end
    return host.exchange_start(self.id, status, fields, length, number_of(self))
end

-- The pieces of one write stay together, whatever other tasks write meanwhile. A writer that was
-- ended has no turn any more. Returns true, or nil and why the task's context ended.
local function await_turn(self)
    local task = scheduler.current()
    while self.writer and self.writer ~= task and scheduler.state(self.writer) ~= "dead" do
        self.queue = self.queue or {}
        self.queue[#self.queue + 1] = { task = task, wait_id = task.wait_id }
        local is_woken, reason = scheduler.wait()
        if not is_woken then
            return nil, reason
        end
    end
    return true
end

local function pass_turn(self)
    self.writer = nil
    while self.queue and self.queue[1] do
        local next_one = table.remove(self.queue, 1)
        if scheduler.wake(next_one.task, next_one.wait_id, true) then
            return
        end
    end
end

-- After a write that ended with `code`. Returns true when another may be tried, or nil, code.
local function await_room(self, code)
    if code ~= "again" then
        return nil, code
    end
    self.writer = scheduler.current()
    return scheduler.wait_event(event.ROOM, self.id)
end

--- Writes all of `bytes`, waiting while too much of the answer is unsent. Returns true, or nil,
-- code.
function methods:write(bytes)
    local position = 0
    local is_turn, reason = await_turn(self)
    if not is_turn then
        return nil, reason
    end
    repeat
        local written, code = host.exchange_write(self.id, bytes, position)
        if not written then
            written, code = await_room(self, code)
        end
        if not written then
            pass_turn(self)
            return nil, code
        elseif written ~= true then
            position = written
        end
    until position == #bytes
    pass_turn(self)
    return true
end

-- Other tasks that still wait to write or read learn that it is over.
local function end_waits(self)
    scheduler.notify(event.ROOM, self.id)
    scheduler.notify(event.BODY, self.id)
    pass_turn(self)
end

--- Why a stream of events goes on no more, "closed"; nil while it may.
function methods.end_reason()
    return owner and owner.is_leaving and "closed" or nil
end

function methods:finish(trailers)
    local is_finished, code = host.exchange_finish(self.id, trailers)
    end_waits(self)
    return is_finished, code
end

function methods:cut()
    host.exchange_cut(self.id)
    end_waits(self)
end

-- Queues the pieces of the body. Returns true, or nil, code.
local function write_pieces(self, file, pieces)
    for _, piece in ipairs(pieces) do
        local is_written, code
        if type(piece) == "string" then
            is_written, code = self:write(piece)
        else
            is_written, code = host.exchange_write_file(self.id, file, piece.first,
                piece.last - piece.first + 1)
        end
        if not is_written then
            return nil, code
        end
    end
    return true
end

--- Answers with pieces of a file: an array of strings and of {first=, last=}, offsets of bytes. The
-- file may be closed at once. Returns true, or nil, code.
function methods:respond_file(status, fields, file, pieces, length)
    local is_begun, code = self:start(status, fields, length)
    if not is_begun then
        return nil, code
    end
    local is_written, reason = write_pieces(self, file, pieces)
    -- A HEAD takes no pieces, and that is no failure.
    if is_written or reason == "closed" then
        return self:finish("")
    end
    self:cut()
    return nil, reason
end

--- Sends its request on over a stream of perigee.core.stream, with these lines besides its own
-- fields. Returns true; or nil, code: "invalid" for one that is not plain, as those with a body.
function methods:forward(stream, target, lines)
    return host.exchange_forward(self.id, stream.box, target, lines)
end

--- Waits for the answer to that, and answers with it. Returns the status, and whether the stream
-- may be used again; or nil, code, and then nothing was taken: "invalid" for one that is not plain.
function methods:answer_from(stream, deadline)
    local status, code = host.exchange_return(self.id, stream.box, number_of(self))
    while not status and code == "again" do
        local is_there, reason = scheduler.wait_event(event.READABLE, stream.id, deadline)
        if not is_there then
            return nil, reason
        end
        status, code = host.exchange_return(self.id, stream.box, number_of(self))
    end
    return status, code
end

function methods:respond(status, fields, body)
    return host.exchange_respond(self.id, status, fields, body, number_of(self))
end

--- Answers 101 with these lines. What is read and written from then on is what the other protocol
-- says, as it is.
function methods:upgrade(lines)
    return host.exchange_upgrade(self.id, lines, number_of(self))
end

function methods.accept_key(_, key)
    return host.websocket_accept(key)
end

--- See perigee.http.websocket.
function methods:open_websocket(lines, options)
    if quotas.websockets and owner.socket_count >= quotas.websockets then
        return nil, "exhausted", quotas.refuse("websockets")
    end
    local transport, code = websocket.open(self.id, lines, options, owner.websocket_ping_s,
        number_of(self))
    if transport then
        if self.hop then
            deadlines.lift(self)
        end
        owner.on_websocket(self, transport)
    end
    return transport, code
end

--- Answers 101 with these lines for a WebSocket that others speak on; `transport` has leave(code),
-- see perigee.service.websocket.
function methods:pass_websocket(lines, transport)
    local is_open, code = self:upgrade(lines)
    if is_open then
        owner.on_websocket(self, transport)
    end
    return is_open, code
end

--- The transport of a WebSocket that was handed over.
function methods:adopt_websocket()
    local transport = websocket.adopt(self.id, owner.websocket_ping_s)
    owner.on_websocket(self, transport)
    return transport
end

return exchange
