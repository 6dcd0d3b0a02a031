--- The state of one answer and its way to the exchange: what perigee.http.response, for handlers,
-- and perigee.http.outcome, for what handlers return, have in common. Nothing here raises; what is
-- wrong is returned as a sentence.
--
-- An answer is a table with _exchange; _status, _headers and _length once set; _answered_at, a
-- place, once sent or begun to be sent.
local lazy = require "perigee.core.lazy"

local headers = lazy "perigee.http.headers"
local json = lazy "perigee.json"

local answer = {
    JSON = "application/json",
    TEXT = "text/plain; charset=utf-8",
    HTML = "text/html; charset=utf-8",
}

-- The field lines of nearly every answer, ready made.
local content_type_lines = {}
for _, content_type in pairs(answer) do
    content_type_lines[content_type] = "Content-Type: " .. content_type .. "\r\n"
end

-- They follow from the body and the connection, which are the host's.
local host_fields = { ["connection"] = true, ["content-length"] = true, ["date"] = true,
    ["keep-alive"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true }

local bodiless = { [204] = true, [205] = true, [304] = true }

function answer.status_problem(status)
    if type(status) ~= "number" or status % 1 ~= 0 or status < 200 or status > 599 then
        return "a status must be an integer from 200 to 599, not " .. tostring(status)
    end
    return nil
end

function answer.field_problem(name, value)
    local problem = headers.problem(name, value)
    if not problem and host_fields[name:lower()] then
        return ("the header %s is the host's to set"):format(name)
    end
    return problem
end

--- True for the one field that is the host's unless the answer is written in pieces.
function answer.is_length(name)
    return type(name) == "string" and #name == 14 and name:lower() == "content-length"
end

--- What is wrong with a Content-Length.
function answer.length_problem(value)
    if type(value) ~= "number" or value < 0 or value % 1 ~= 0 or value >= 2 ^ 53 then
        return "the header Content-Length must be a number of bytes, not " .. tostring(value)
    end
    return nil
end

--- The fields set so far.
function answer.headers_of(self)
    local fields = self._headers
    if not fields then
        fields = headers.new()
        self._headers = fields
    end
    return fields
end

--- Sets the fields of a table of names and values; a value that is an array is repeated. Cookies
-- are added to those set before.
-- @return what is wrong with them, if anything
function answer.set_fields(self, fields)
    if type(fields) ~= "table" then
        return "headers must be a table, not a " .. type(fields)
    end
    for name, value in pairs(fields) do
        local values = type(value) == "table" and value or { value }
        for i, item in ipairs(values) do
            local problem = answer.field_problem(name, item)
            if problem then
                return problem
            end
            local list = answer.headers_of(self)
            local put = i == 1 and name:lower() ~= "set-cookie" and list.set or list.add
            put(list, name, item)
        end
    end
    return nil
end

--- The bytes and the Content-Type for what a handler gave as body; or nil and what is wrong with
-- it.
function answer.encode(body)
    if type(body) == "table" then
        local text, _, detail = json.try_encode(body, "response")
        return text, text and answer.JSON or detail
    elseif type(body) == "string" then
        return body, answer.TEXT
    elseif body == nil then
        return "", nil
    end
    return nil, "a body must be a table, a string or nil, not a " .. type(body)
end

--- What stands against sending these bytes, or against setting anything when they are "".
function answer.problem(self, bytes)
    if self._answered_at then
        return "this request was already answered at " .. self._answered_at
    elseif bytes ~= "" and bodiless[self._status] then
        return ("an answer with status %d has no body"):format(self._status)
    end
    return nil
end

--- What stands against sending these bytes as the whole body.
function answer.body_problem(self, bytes)
    local problem = answer.problem(self, bytes)
    if not problem and self._length and self._length ~= #bytes then
        return ("the Content-Length was set to %d, but the body has %d bytes"):format(self._length,
            #bytes)
    end
    return problem
end

--- The field lines of the answer, with this Content-Type unless it has one.
function answer.lines(self, content_type)
    local fields = self._headers
    if not fields then
        return content_type_lines[content_type] or ""
    end
    if content_type and not fields:get("Content-Type") then
        fields:add("Content-Type", content_type)
    end
    return fields:text()
end

--- Sends the answer, which has no problem.
-- @param place what sends it, for the message when something does so again
-- @return the answer; or nil, "closed" when the client is gone
function answer.deliver(self, place, bytes, content_type)
    local lines = answer.lines(self, content_type)
    self._answered_at = place
    local is_sent, code = self._exchange:respond(self._status or 200, lines, bytes)
    if not is_sent then
        return nil, code
    end
    return self
end

--- Sends the answer with pieces of a file as its body; see perigee.http.server. It has a
-- Content-Type already.
function answer.deliver_file(self, place, file, pieces, length)
    self._answered_at = place
    return self._exchange:respond_file(self._status or 200, answer.lines(self), file, pieces,
        length)
end

--- Adds a name to the field Vary, unless it is there.
function answer.vary(fields, name)
    local list = fields:get("Vary")
    if not list then
        fields:add("Vary", name)
    elseif list ~= "*" and not ("," .. list:lower():gsub("%s", "") .. ","):find("," .. name:lower()
        .. ",", 1, true) then
        fields:set("Vary", list .. ", " .. name)
    end
end

return answer
