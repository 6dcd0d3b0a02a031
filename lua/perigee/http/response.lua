--- The response a handler gets beside its request, for answers that a returned value cannot say.
-- A request is answered exactly once; the second time is an error that names both places.
local answer = require "perigee.http.answer"
local lazy = require "perigee.core.lazy"
local where = require "perigee.core.where"

local cookies = lazy "perigee.http.cookies"
local events = lazy "perigee.http.events"
local json = lazy "perigee.json"
local response_stream = lazy "perigee.http.response_stream"

local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

local methods = {}
local metatable = { __index = methods }

local response = {}

--- Makes the response for a request.
-- @param handler the function whose definition is named where no line of the service is known
function response.new(exchange, handler)
    -- Constants first, see perigee.core.task_record; false is not set.
    local self = setmetatable({ _exchange = false, _handler = false, _status = false,
        _headers = false, _length = false, _answered_at = false, _is_streaming = false }, metatable)
    self._exchange, self._handler = exchange, handler
    return self
end

--- The service's line that called a method below; the handler's definition where a tail call hides
-- it.
local function caller(self)
    return where(3) or where.of(self._handler)
end

--- Raises a mistake of the line that called a method below.
local function check(self, problem)
    if problem then
        error((where(3) or where.of(self._handler)) .. ": " .. problem, 0)
    end
end

--- Sets the status, 200 to 599. Like all methods that set something it returns the response.
function methods:status(status)
    check(self, answer.status_problem(status) or answer.problem(self, ""))
    self._status = status
    return self
end

--- Sets a header field, in place of all with this name. Content-Length, a number, is for answers
-- that are written in pieces: then so many bytes must be.
function methods:header(name, value)
    if answer.is_length(name) then
        check(self, answer.length_problem(value) or answer.problem(self, ""))
        self._length = value
        return self
    end
    check(self, answer.field_problem(name, value) or answer.problem(self, ""))
    answer.headers_of(self):set(name, value)
    return self
end

--- Adds a header field beside those with the same name.
function methods:add_header(name, value)
    check(self, answer.field_problem(name, value) or answer.problem(self, ""))
    answer.headers_of(self):add(name, value)
    return self
end

--- Adds a cookie; for the options see perigee.http.cookies.
function methods:cookie(name, value, options)
    local text, _, detail = cookies.compose(name, value, options)
    check(self, detail or answer.problem(self, ""))
    answer.headers_of(self):add("Set-Cookie", text)
    return self
end

--- Sends a table as JSON, a string as plain text unless the Content-Type is set, or no body at all.
-- Like all methods that send it returns the response; or nil, "closed" when the client is gone.
function methods:send(body)
    local bytes, content_type = answer.encode(body)
    check(self, not bytes and content_type or answer.body_problem(self, bytes))
    return answer.deliver(self, caller(self), bytes, content_type)
end

--- Sends any value that JSON can hold.
function methods:json(value)
    local bytes, _, detail = json.try_encode(value, "response")
    check(self, detail or answer.body_problem(self, bytes))
    return answer.deliver(self, caller(self), bytes, answer.JSON)
end

local function text_problem(self, text)
    return type(text) ~= "string" and "the text must be a string, not " .. type(text)
        or answer.body_problem(self, text)
end

function methods:text(text)
    check(self, text_problem(self, text))
    return answer.deliver(self, caller(self), text, answer.TEXT)
end

function methods:html(text)
    check(self, text_problem(self, text))
    return answer.deliver(self, caller(self), text, answer.HTML)
end

--- Sends the client elsewhere.
-- @param status 301, 302 (the default), 303, 307 or 308
function methods:redirect(location, status)
    status = status or 302
    local problem = not redirects[status]
        and "a redirect is 301, 302, 303, 307 or 308, not " .. tostring(status)
    check(self, problem or answer.field_problem("Location", location) or answer.problem(self, ""))
    self._status = status
    answer.headers_of(self):set("Location", location)
    return answer.deliver(self, caller(self), "")
end

--- Sends 204 and no body.
function methods:no_content()
    check(self, answer.problem(self, ""))
    self._status = 204
    return answer.deliver(self, caller(self), "")
end

--- Writes bytes of an answer that is made while it is sent; the first call sends the status and the
-- fields set so far. Waits while the client is slow. The answer ends with the handler.
-- @return the response; or nil, "closed" when nobody takes more: the client is gone, or asked with
-- HEAD
function methods:write(bytes)
    check(self, response_stream.problem(self, bytes))
    local place = self._answered_at or caller(self)
    local is_written, code, problem = response_stream.write(self, place, bytes)
    check(self, problem)
    if not is_written then
        return nil, code
    end
    return self
end

--- Ends an answer that was written before its handler ends.
-- @param trailers fields behind a chunked body, by name
function methods:finish(trailers)
    check(self, response_stream.problem(self, ""))
    local place = caller(self)
    local is_finished, code, problem = response_stream.finish(self, place, trailers)
    self._finished_at = place
    check(self, problem)
    if not is_finished then
        return nil, code
    end
    return self
end

--- Begins a stream of server-sent events. See perigee.http.events for what can be done with it.
function methods:events()
    check(self, answer.problem(self, "streamed"))
    local fields = answer.headers_of(self)
    fields:set("Content-Type", "text/event-stream")
    fields:set("Cache-Control", "no-cache")
    response_stream.write(self, caller(self), "")
    local exchange = self._exchange
    exchange.is_event_stream = true
    return events.new(function(bytes)
        local reason = exchange.end_reason and exchange:end_reason()
        if reason then
            return nil, reason
        end
        return response_stream.write(self, nil, bytes)
    end)
end

function methods:is_answered()
    return self._answered_at ~= false
end

--- The exchange of a response, for who answers it in a way of its own.
function response.exchange_of(self)
    return self._exchange
end

--- Somebody has done so: with what status, and where.
function response.note_answer(self, place, status)
    self._answered_at, self._status = place, status
end

return response
