--- Calls to RPC servers: those of Perigee, of Go, and whoever else speaks a protocol of theirs.
-- One client has one connection, which all tasks share.
local call_span = require "perigee.rpc.call_span"
local dial_options = require "perigee.rpc.client.dial_options"
local dialler = require "perigee.rpc.client.dialler"
local hop = require "perigee.core.hop"
local lazy = require "perigee.core.lazy"
local middleware = require "perigee.rpc.middleware"
local notation = require "perigee.rpc.client.notation"
local scheduler = require "perigee.core.scheduler"

local future = lazy "perigee.rpc.future"
local item_stream = lazy "perigee.rpc.client.item_stream"

local begin_wait, check_yieldable = scheduler.begin_wait, scheduler.check_yieldable
local prepare_wait = scheduler.prepare_wait

-- Nothing would mean no end.
local LEAST_WAIT_S = 1e-6

-- As notation.check. There is only one server here, so nothing of where a call goes can be said.
local function check_options(options, level)
    local checked = notation.check(options, level + 1)
    if checked.wishes then
        error("key, is_idempotent, retries and hedge are for calls by rpc.service", level + 1)
    end
    return checked
end

local client = {}

local methods = {}
local metatable = { __index = methods, __metatable = false }

function metatable:__tostring()
    return ("rpc client of %s"):format(self.dialler.options.address)
end

--- Makes a client of the server at `address`, "tcp://host:port" or "unix:///path". It connects when
-- it is first called, and again when the connection has ended.
-- @param options { codec = "msgpack" or "gob", http = true for Go's DialHTTP or its path, timeout_s
-- = of a call, 30; 0 for none; ... } as docs/rpc.md says
-- @return the client; an error in the caller's line tells what is wrong
function client.dial(address, options)
    local checked, problem = dial_options.check(address, options)
    if not checked then
        error("rpc.dial: " .. problem, 2)
    end
    return setmetatable({
        dialler = dialler.new(checked),
        middleware = {},
        chain = false, -- the handler inside all of it, when there is some
    }, metatable)
end

local function check_method(method, level)
    if type(method) ~= "string" or method == "" then
        error(("the method must be text such as Calculator.Add, got %s"):format(
            tostring(method)), level + 1)
    end
end

-- A connection that can send, and the argument as bytes. Waits for the connection only.
local function prepare(self, args, options, deadline)
    local problem = notation.args_problem(args, options)
    if problem then
        return nil, "invalid", problem
    end
    local link, body, code, detail = self.dialler.link
    if not link then
        link, code, detail = self.dialler:get(deadline)
        if not link then
            return nil, code, detail
        end
    end
    body, code, detail = link.codec:encode(args, options)
    if not body then
        return nil, code, detail
    end
    code, detail = link:obstacle()
    if code then
        return nil, code, detail
    end
    return link, body
end

-- Waits for the answer of a call that was sent. Returns true and the result; or nil and the rest.
local function await(link, task, number, deadline)
    local is_ok, result = begin_wait(task, "rpc call", deadline)
    if is_ok then
        return true, result
    elseif is_ok == false then
        return nil, result.code, result.detail, result.data
    end
    link:abandon(number, task)
    return nil, result, result == "timeout" and link:timeout_text() or "the call was cancelled"
end

local function conclude(self, options, is_ok, value, detail, data)
    if not is_ok then
        return nil, value, detail, data
    elseif options.reply then
        return self.dialler.codec.fit(options.reply, value)
    end
    return value
end

-- What the server is told of how long this call may take, of attempts before it, and of its trace;
-- nothing where it is not to be told.
local function hop_of(self, task, deadline, traceparent)
    local options = self.dialler.options
    if not options.deadlines then
        return nil
    end
    local now = scheduler.now()
    local ends_at = deadline or options.timeout_s > 0 and now + options.timeout_s or math.huge
    ends_at = math.min(ends_at, task.context.ends_at or math.huge)
    local previous = hop.previous_attempts()
    if ends_at < math.huge then
        return math.max(LEAST_WAIT_S, ends_at - now), previous, traceparent
    elseif previous > 0 or traceparent then
        return 0, previous, traceparent
    end
end

-- Nothing else runs between `prepare` and the end of `send_call`.
local function ask(self, method, args, options, traceparent)
    local timeout_s = options.timeout_s
    local deadline = timeout_s and scheduler.now() + timeout_s
    local link, body, detail = prepare(self, args, options, deadline)
    if not link then
        return nil, body, detail
    end
    local task, reason = prepare_wait(deadline)
    if not task then
        return nil, reason, "the context of the task has ended"
    end
    local number = link:send_call(task, method, body, deadline,
        hop_of(self, task, deadline, traceparent))
    return conclude(self, options, await(link, task, number, deadline))
end

local function perform(self, method, args, options)
    check_yieldable()
    return call_span.around(method, ask, self, method, args, options)
end

local function notify(self, method, args, options)
    local link, body, detail = prepare(self, args, options)
    if not link then
        return nil, body, detail
    end
    link:send_notification(method, body)
    return true
end

local function open_stream(self, method, args, options)
    local link, body, detail = prepare(self, args, options)
    if not link then
        return nil, body, detail
    end
    local items = item_stream.new(method, options.credit, options.timeout_s)
    link:send_stream(items, method, body)
    return items
end

local kinds = { call = perform, notification = notify, stream = open_stream }

-- Goes through the middleware, if there is any.
local function run(self, kind, method, args, options)
    check_method(method, 3)
    if self.chain then
        return self.chain(method, args, { kind = kind, options = options })
    end
    return kinds[kind](self, method, args, check_options(options, 3))
end

--- Puts middleware around every call, the first outermost: functions that take the next handler,
-- function(method, args, call), and return a handler around it. `call` is { kind = "call",
-- "notification" or "stream"; options = as they were given }. A handler returns what client:call,
-- client:notify or client:stream does.
function methods:use(...)
    middleware.add(self.middleware, "client:use", ...)
    self.chain = middleware.compose(self.middleware, function(method, args, call)
        return kinds[call.kind](self, method, args, check_options(call.options, 2))
    end, 2)
end

--- Calls a method and waits for its result.
-- @param method such as "Calculator.Add"
-- @param args the argument; nil for none
-- @param options { timeout_s =, args = and reply = types in the notation of docs/rpc.md, positional
-- = true when args is a list of params } or nil. They are looked at when they are first used.
-- @return the result, which may be nil; or nil, code, detail, data: "failed" with the server's
-- message, "not_found", "timeout", "canceled", "closed", "full", "invalid", "unavailable", or what
-- connecting says
function methods:call(method, args, options)
    local value, code, detail, data = run(self, "call", method, args, options)
    return value, code, detail, data
end

--- Begins a call and returns a future: see perigee.rpc.future.
function methods:go(method, args, options)
    check_method(method, 2)
    check_options(options, 2)
    local begun = future.start(2, methods.call, self, method, args, options)
    return begun
end

--- Sends a call that nobody answers; waits for a connection at most. For the codecs json and
-- msgpack.
-- @return true when it is on its way; or nil, code, detail
function methods:notify(method, args, options)
    if not self.dialler.codec.has_notifications then
        error("this codec has no notifications; json and msgpack have", 2)
    end
    local is_sent, code, detail = run(self, "notification", method, args, options)
    return is_sent, code, detail
end

--- Calls a method that answers with items, one after the other; for the codec msgpack and servers
-- of Perigee.
-- @param options as for a call; timeout_s is for each item, credit (64) how many the server may be
-- ahead
-- @return the items: `for item in items do`, items:recv() as of a channel, items:result() when they
-- are over, items:close() to have no more; or nil, code, detail
function methods:stream(method, args, options)
    if not self.dialler.codec.has_streams then
        error("this codec has no streams; msgpack has", 2)
    end
    local items, code, detail = run(self, "stream", method, args, options)
    return items, code, detail
end

--- Connects, unless it is connected already.
-- @param deadline in seconds of perigee.now(), or nil for the time that a connection may take
-- @return true; or nil, code, detail
function methods:connect(deadline)
    local link, code, detail = self.dialler:get(deadline)
    return link and true, code, detail
end

--- How it is: { is_connected =, waiting = calls for a connection, in_flight =, abandoned = calls
-- that nobody waits for and that have no answer yet, unsent_size =, dials =, failed_dials =,
-- ended = connections, late = answers that were dropped, refused = calls without room }.
function methods:status()
    return self.dialler:status()
end

--- Ends the connection, and the calls in flight with "closed". Later ones fail.
function methods:close()
    self.dialler:close()
end

return client
