--- The transport of a WebSocket over the host's exchange, see perigee.http.websocket: who waits for
-- messages and for room, and the pings that find a peer that is gone.
local copy = require "perigee.core.copy"
local event = require "perigee.core.event"
local host = require "host"
local queue = require "perigee.core.queue"
local scheduler = require "perigee.core.scheduler"
local select_module = require "perigee.core.select"

local websocket = {}
local methods = {}
local metatable = { __index = methods }

-- How long the peer has to answer a close.
local CLOSE_TIMEOUT_S = 5
local LOST = 1006

local sockets = {} -- exchange id -> transport

local function wake_readers(id)
    local self = sockets[id]
    if self then
        select_module.wake_all(self.readers)
    end
end

scheduler.on_event(event.BODY, wake_readers)

-- Outside of tasks, once every `ping_s`. A peer that was listened to all the time and has not sent
-- a byte since the last ping is gone.
local function on_ping_due(self)
    local heard_size, is_listening = host.websocket_ping(self.id)
    if not heard_size then
        sockets[self.id] = nil
        return
    elseif heard_size == self.heard_size and is_listening then
        self.is_lost = true
        host.exchange_cut(self.id)
        scheduler.notify(event.ROOM, self.id)
        wake_readers(self.id)
        return
    end
    self.heard_size = is_listening and heard_size or nil
    self.timer = scheduler.at(scheduler.now() + self.ping_s, on_ping_due, self)
end

--- What `pass_on` of another isolate has packed.
function websocket.unpack(bytes)
    return copy.decode(bytes)
end

--- Makes a WebSocket of an exchange. `ping_s` is the time between two pings, 0 for none; `route`
-- what it is counted as, or nil. Returns the transport, or nil, code.
function websocket.open(id, lines, options, ping_s, route)
    local is_open, code = host.exchange_upgrade(id, lines, route)
    if is_open then
        is_open, code = host.websocket_open(id, options)
    end
    if not is_open then
        return nil, code
    end
    return websocket.adopt(id, ping_s)
end

--- The transport of an exchange that is a WebSocket already.
function websocket.adopt(id, ping_s)
    local self = setmetatable({ id = id, readers = queue.new(), turns = queue.new(),
        writer = false, ping_s = ping_s }, metatable)
    sockets[id] = self
    if ping_s > 0 then
        self.timer = scheduler.at(scheduler.now() + ping_s, on_ping_due, self)
    end
    return self
end

-- Other tasks that still wait learn that it is over.
local function forget(self)
    if self.timer then
        scheduler.cancel_timer(self.timer)
    end
    scheduler.notify(event.ROOM, self.id)
    wake_readers(self.id)
    sockets[self.id] = nil
end

function methods:receive()
    while true do
        if self.successor then
            return nil, "reload"
        end
        local bytes, kind, code, reason = host.websocket_receive(self.id)
        if bytes then
            return bytes, kind
        elseif kind ~= "again" then
            return nil, kind, code or LOST, reason or ""
        end
        local is_there, why = queue.wait(self.readers, "websocket receive")
        if not is_there then
            return nil, why
        end
    end
end

-- The pieces of one message stay together. A writer that was ended has no turn any more.
local function await_turn(self)
    while self.writer and scheduler.state(self.writer) ~= "dead" do
        local is_woken, why = queue.wait(self.turns, "websocket send")
        if not is_woken then
            return nil, why
        end
    end
    self.writer = scheduler.current()
    return true
end

local function pass_turn(self)
    self.writer = false
    local waiting = queue.take(self.turns)
    if waiting then
        scheduler.end_wait(waiting, true)
    end
end

local function send_pieces(self, kind, bytes)
    local position = 0
    repeat
        local taken, code = host.websocket_send(self.id, kind, bytes, position)
        if not taken and code == "again" then
            taken, code = scheduler.wait_event(event.ROOM, self.id)
        end
        if not taken then
            return nil, code, position
        elseif taken ~= true then
            position = taken
        end
    until taken ~= true and position == #bytes
    return true
end

function methods:send(kind, bytes)
    local is_turn, why = await_turn(self)
    if not is_turn then
        return nil, why
    end
    local is_sent, code, position = send_pieces(self, kind, bytes)
    if not is_sent and position > 0 then
        -- Half of a message is out, and nothing may follow but its other half.
        host.exchange_cut(self.id)
        wake_readers(self.id)
    end
    pass_turn(self)
    return is_sent, code
end

function methods:ping()
    local heard_size, code = host.websocket_ping(self.id)
    return heard_size and true, code ~= true and code or nil
end

function methods:close(code, reason)
    local is_closing, problem = host.websocket_close(self.id, code, reason)
    wake_readers(self.id)
    return is_closing, problem
end

--- Another generation takes over: closes with `code`, or has the function end, whose socket goes to
-- the isolate `successor`.
function methods:leave(code, successor)
    if not successor then
        self:close(code, "")
        return
    end
    self.successor = successor
    wake_readers(self.id)
end

--- Hands the socket to its successor, which gets `passed`, plain data, with it. Returns true, or
-- nil, code, detail.
function methods:pass_on(passed)
    local bytes, _, detail = copy.encode(passed, "what the WebSocket's function returned")
    if not bytes then
        return nil, "invalid", detail
    end
    local is_passed, code = host.websocket_hand_over(self.id, self.successor, bytes)
    forget(self)
    return is_passed, code
end

function methods:poll()
    return self.successor ~= nil or host.websocket_is_ready(self.id)
end

function methods:subscribe(waiter)
    queue.push(self.readers, waiter)
end

function methods.unsubscribe(_, waiter)
    queue.remove(waiter)
end

local function await_end(self)
    local deadline = scheduler.now() + CLOSE_TIMEOUT_S
    while host.websocket_receive(self.id) do
        -- Nobody takes what waits any more.
    end
    while not host.websocket_is_over(self.id) do
        if not queue.wait(self.readers, "websocket close", deadline) then
            return
        end
    end
end

function methods:finish(code)
    host.websocket_close(self.id, code, "")
    wake_readers(self.id)
    await_end(self)
    host.exchange_finish(self.id, "")
    forget(self)
end

return websocket
