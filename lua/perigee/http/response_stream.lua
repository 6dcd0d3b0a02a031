--- Answers that are made while they are sent: what perigee.http.response does for a handler that
-- writes, and perigee.http.outcome when such a handler is done. Like perigee.http.answer it raises
-- nothing; what is wrong is returned as a sentence.
--
-- An answer that streams has _is_streaming until its end, and _answered_at, where it began.
local answer = require "perigee.http.answer"
local lazy = require "perigee.core.lazy"

local trailers = lazy "perigee.http.trailers"

local response_stream = {}

--- What stands against writing these bytes.
function response_stream.problem(self, bytes)
    if type(bytes) ~= "string" then
        return "what is written must be a string, not " .. type(bytes)
    elseif self._finished_at then
        return "this answer was finished at " .. self._finished_at
    elseif self._is_streaming or self._is_ended then
        return nil
    end
    return answer.problem(self, "streamed")
end

--- Sends the head. Returns true, or nil, "closed".
local function start(self, place, content_type)
    local lines = answer.lines(self, content_type)
    self._answered_at = place
    self._is_streaming = true
    return self._exchange:start(self._status or 200, lines, self._length or nil)
end

--- Writes bytes that have no problem, after the head if it is not out yet.
-- @return the answer; or nil, "closed"; or nil, code, what is wrong
function response_stream.write(self, place, bytes, content_type)
    if self._is_ended then
        return nil, "closed"
    elseif not self._is_streaming then
        local is_started, code = start(self, place, content_type or answer.TEXT)
        if not is_started then
            return nil, code
        end
    end
    local is_written, code = self._exchange:write(bytes)
    if is_written then
        return self
    end
    return nil, code, code == "too_large"
        and ("more was written than the Content-Length of %d"):format(self._length) or nil
end

--- Ends the answer, one that was not begun with an empty body.
-- @param fields trailers by name, or nil
-- @return the answer; or nil, "closed"; or nil, code, what is wrong
function response_stream.finish(self, place, fields)
    local lines, wrong = "", nil
    if fields ~= nil then
        lines, wrong = trailers.compose(fields)
    end
    if not lines then
        return nil, "invalid", wrong
    end
    if not self._is_streaming then
        start(self, place)
    end
    self._is_streaming, self._is_ended = false, true
    local is_finished, code = self._exchange:finish(lines)
    if is_finished then
        return self
    end
    return nil, code, code == "invalid"
        and ("less was written than the Content-Length of %d"):format(self._length) or nil
end

--- Ends an answer that went wrong so that nobody takes it for a whole one.
function response_stream.cut(self)
    self._is_streaming, self._is_ended = false, true
    self._exchange:cut()
end

return response_stream
