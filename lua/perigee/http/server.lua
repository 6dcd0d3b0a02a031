--- Answers requests with a router or a function. It knows no sockets: a request comes as an
-- exchange, which the host's HTTP connection implements, and perigee.testing without one:
--
--    exchange:request_line() → method, path, query or nil, mount, target
--    exchange:version() → "1.1" or "1.0"
--    exchange:fields() → flat array {name, value, ...}, as sent
--    exchange:field(lower-case name) → value or nil; repeated fields joined by ", "
--    exchange:peer() → host, port
--    exchange:tls() → version, cipher, host asked for or nil, client's subject or nil; or nothing
--    exchange:body() → the whole body or nil, code; waits
--    exchange:read(size) → the next bytes of the body, nil at its end, or nil, code; waits
--    exchange:trailers() → lines, once the body has ended
--    exchange:respond(status, lines, body) → true or nil, code; `lines` are "Name: value\r\n" each,
--    without Content-Length, Connection and Date
--    exchange:start(status, lines, length or nil), exchange:write(bytes), which waits, and
--    exchange:finish(trailer lines) → true or nil, code: an answer in pieces
--    exchange:respond_file(status, lines, file, pieces, length) → true or nil, code: an answer of
--    strings and pieces {first=, last=} of a file of perigee.core.folder
--    exchange:end_reason() → why a stream of events ends, or nil; may be missing
--    exchange:accept_key(key), exchange:open_websocket(lines, options): see perigee.http.websocket
--    exchange.route is set to the router's route before the handler runs
--    exchange:cut(): such an answer ends here, and the client can tell that it is not whole
local http_error = require "perigee.http.http_error"
local lazy = require "perigee.core.lazy"
local outcome = require "perigee.http.outcome"
local raised = require "perigee.core.raised"
local request = require "perigee.http.request"
local response = require "perigee.http.response"
local router = require "perigee.http.router"

local failure_page = lazy "perigee.http.failure_page"
local response_stream = lazy "perigee.http.response_stream"
local websocket = lazy "perigee.http.websocket"

local OWN_FILE = debug.getinfo(1, "S").short_src

local Server = {}
Server.__index = Server

local server = {}

--- Makes a server for one service. A router is sealed by this.
-- @param app a router, or a function of request and response
-- @param options log, a table with error(message, fields); new_id, a function that makes a request
-- id; is_developing, true to show errors to clients
function server.new(app, options)
    local self = setmetatable({ log = options.log, new_id = options.new_id,
        is_developing = options.is_developing }, Server)
    if router.is(app) then
        app:seal()
        self.router = app
    elseif type(app) == "function" then
        self.route = { run = app, handler = app, is_any = true }
    else
        error("http must be a router or a function, not a " .. type(app), 2)
    end
    return self
end

local catch = raised.catcher(http_error.is)

-- Lua 5.1, where some of our specs run, calls the function of xpcall without arguments.
local protected_call = xpcall
if not select(2, xpcall(function(argument) return argument end, print, true)) then
    function protected_call(run, handle_error, first, second)
        return xpcall(function()
            return run(first, second)
        end, handle_error)
    end
end

local function cut(answered)
    if answered._is_streaming then
        response_stream.cut(answered)
    elseif answered._transport then
        websocket.fail(answered)
    end
end

--- Logs a fault of the service and answers 500, unless an answer is out already; one that is only
-- half out is cut.
local function fail(self, asked, answered, message, traceback)
    self.log.error(message, { request_id = asked.id, method = asked.method, path = asked.path,
        traceback = traceback })
    asked._exchange.failure = { message = message, traceback = traceback } -- for its trace
    if answered:is_answered() then
        cut(answered)
        return
    end
    if self.is_developing then
        outcome.replace(answered, 500, failure_page.full(asked, message, traceback))
    else
        outcome.replace(answered, 500, failure_page.brief(asked.id))
    end
end

local function fail_with_error(self, asked, answered, failure)
    if answered:is_answered() and failure.code == "closed" then
        cut(answered) -- the client went away while its body was read: nobody's fault
        return
    elseif answered:is_answered() then
        local message = tostring(failure) .. " was raised after the request was answered"
        fail(self, asked, answered, message)
        return
    end
    local problem = outcome.send_error(answered, failure)
    if problem then
        fail(self, asked, answered, problem)
    end
end

--- Answers for a handler that raised. `caught` is what `catch` made of it.
local function handle_raised(self, asked, answered, caught)
    if http_error.is(caught) then
        fail_with_error(self, asked, answered, caught)
    else
        fail(self, asked, answered, raised.describe(caught, OWN_FILE))
    end
end

-- The response of a handler that never sees it. Taken while in use, so that two tasks never share
-- it.
local spare

local function take_response(exchange, handler)
    local answered = spare
    if not answered then
        return response.new(exchange, handler)
    end
    spare = nil
    answered._exchange, answered._handler = exchange, handler
    return answered
end

local function keep_response(answered)
    answered._exchange, answered._headers = false, false
    answered._status, answered._length, answered._answered_at = false, false, false
    spare = answered
end

--- Answers one request, in the task that calls it.
-- @return the status sent, and the pattern of the route or nil
function Server:dispatch(exchange)
    local asked = request.new(exchange, self.new_id)
    local route, params = self.route
    if not route then
        route, params = self.router:resolve(asked.method, request.path_below(asked))
    end
    asked.route, asked.params = route.pattern, params
    exchange.route = route
    local answered = not route.is_blind and response.new(exchange, route.handler) or nil
    local is_returned, first, second, third =
        protected_call(route.run, catch, asked, answered)
    answered = answered or take_response(exchange, route.handler)
    if not is_returned then
        handle_raised(self, asked, answered, first)
    else
        local problem = outcome.finish(answered, asked, first, second, third)
        if problem then
            fail(self, asked, answered, problem)
        end
    end
    local status = answered._status or 200
    if route.is_blind then
        keep_response(answered)
    end
    return status, route.pattern
end

return server
