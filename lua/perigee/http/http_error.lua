--- An answer made by failing: `error(http.error(404, "no such user"))` or `return http.error(404)`.
-- It is an ordinary answer and not a fault: it is neither logged nor given a traceback.
local lazy = require "perigee.core.lazy"

local headers = lazy "perigee.http.headers"
local status_names = lazy "perigee.http.status"

local metatable = {
    __tostring = function(self)
        return self.status .. ": " .. self.message
    end,
}

local http_error = {}

local statuses_of_codes = { too_large = 413, timeout = 408, unsupported = 415 }

local function check_fields(fields)
    for name, value in pairs(fields) do
        local problem = headers.problem(name, value)
        if problem then
            error(problem, 3)
        end
    end
end

--- Makes an error that is sent as {"error": message}.
-- @param status 400 to 599
-- @param message for the client; the status's name by default
-- @param fields optional header fields, such as {["Retry-After"] = 30}
function http_error.new(status, message, fields)
    if type(status) ~= "number" or status % 1 ~= 0 or status < 400 or status > 599 then
        error("an error's status must be an integer from 400 to 599, not " .. tostring(status), 2)
    end
    if message ~= nil and type(message) ~= "string" then
        error("an error's message must be a string, not a " .. type(message), 2)
    end
    if fields ~= nil then
        check_fields(fields)
    end
    message = message or status_names[status] or "Error"
    return setmetatable({ status = status, message = message, headers = fields }, metatable)
end

--- Makes the error that fits the failure of `request:body()`, `:json()` or `:form()`.
-- @param code what they returned: "too_large", "timeout", "unsupported"; anything else is a 400
-- @param detail becomes the message
function http_error.of_body(code, detail)
    local made = http_error.new(statuses_of_codes[code] or 400, detail)
    made.code = code
    return made
end

function http_error.is(value)
    return getmetatable(value) == metatable
end

return http_error
