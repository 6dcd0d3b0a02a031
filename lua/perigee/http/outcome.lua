--- Makes an answer of what a handler returned or raised.
local answer = require "perigee.http.answer"
local http_error = require "perigee.http.http_error"
local lazy = require "perigee.core.lazy"
local where = require "perigee.core.where"

local json = lazy "perigee.json"
local response_stream = lazy "perigee.http.response_stream"

local RETURN_PLACE = "the return of its handler"

local outcome = {}

--- A sentence about the handler, which cannot be blamed on one of its lines any more.
local function complaint(response, request, what)
    return ("%s: the handler of %s %s %s"):format(where.of(response._handler), request.method,
        request.path, what)
end

local function nothing_problem(second)
    if second == nil then
        return "returned nothing and sent nothing"
    end
    return ("returned nil, %s and sent nothing")
        :format(type(second) == "string" and ('"%s"'):format(second) or tostring(second))
end

--- Sends an error of perigee.http as {"error": message}. Fields set before stay, but the
-- Content-Type.
-- @return what is wrong, if anything
function outcome.send_error(response, failure)
    if response._headers then
        response._headers:remove("Content-Type")
    end
    local problem = failure.headers and answer.set_fields(response, failure.headers)
    if problem then
        return problem
    end
    response._status, response._length = failure.status, false
    answer.deliver(response, RETURN_PLACE, json.encode { error = failure.message }, answer.JSON)
end

--- Sends an answer in place of the one that failed; what was set for that is dropped.
function outcome.replace(response, status, bytes, content_type)
    response._status, response._headers, response._length = status, false, false
    answer.deliver(response, RETURN_PLACE, bytes, content_type)
end

local function send_body(response, body)
    if http_error.is(body) then
        return outcome.send_error(response, body)
    end
    local bytes, content_type = answer.encode(body)
    local problem = not bytes and content_type or answer.body_problem(response, bytes)
    if problem then
        return problem
    end
    answer.deliver(response, RETURN_PLACE, bytes, content_type)
end

local function send_status(response, status, body, fields)
    local problem = answer.status_problem(status)
        or fields ~= nil and answer.set_fields(response, fields)
    if problem then
        return problem
    end
    response._status = status
    return send_body(response, body)
end

local function send_returned(response, first, second, third)
    if first == response then
        return send_body(response, nil)
    elseif type(first) == "number" then
        return send_status(response, first, second, third)
    end
    return send_body(response, first)
end

local function finish_stream(response)
    local _, _, problem = response_stream.finish(response, RETURN_PLACE)
    return problem and "ended too early: " .. problem
end

--- Answers with what the handler returned: a table or a string; status, body, headers; an error of
-- perigee.http; the response itself; or nothing, when it has sent its answer already.
-- @return nil, or a message for the log that says what was wrong; then nothing was sent
function outcome.finish(response, request, first, second, third)
    local problem
    if response._answered_at then
        problem = first ~= nil and first ~= response
            and ("returned a %s, but the request was already answered at %s")
                :format(type(first), response._answered_at)
        problem = problem or response._is_streaming and finish_stream(response)
    elseif first == nil then
        problem = nothing_problem(second)
    else
        problem = send_returned(response, first, second, third)
        problem = problem and "failed to answer: " .. problem
    end
    return problem and complaint(response, request, problem) or nil
end

return outcome
