--- Server-sent events (the event streams of the HTML standard): what response:events() returns.
--
--    local events = response:events()
--    while events:send { event = "tick", data = os.time() } do perigee.sleep(1) end
local where = require "perigee.core.where"

local methods = {}
local metatable = { __index = methods }

local events = {}

--- Makes the events of an answer that has begun. `write(bytes)` returns nil, code when that fails.
function events.new(write)
    return setmetatable({ _write = write }, metatable)
end

-- Whatever the text holds, each of its lines is a line of this field: none can pose as another.
local function add_lines(lines, name, text)
    text = text:gsub("\r\n?", "\n")
    for line in (text .. "\n"):gmatch "([^\n]*)\n" do
        lines[#lines + 1] = name .. ": " .. line .. "\n"
    end
end

local function is_line(value)
    return type(value) == "string" and not value:find "[%z\r\n]"
end

-- What each field of an event must be, and a function that tells whether it is.
local fields = {
    event = { "a string of one line", is_line },
    id = { "a string of one line", is_line },
    data = { "a string", function(value)
        return type(value) == "string" or type(value) == "number"
    end },
    retry = { "a whole number of milliseconds", function(value)
        return type(value) == "number" and value >= 0 and value % 1 == 0
    end },
}

local function problem_of(event)
    if type(event) ~= "table" then
        return "an event is a string or a table { event =, data =, id =, retry = }, not "
            .. type(event)
    end
    for name, value in pairs(event) do
        local field = fields[name]
        if not field then
            return ("an event has no %s; there are event, data, id and retry"):format(
                tostring(name))
        elseif not field[2](value) then
            return ("%s of an event must be %s"):format(name, field[1])
        end
    end
    return nil
end

--- The text of an event, which is checked first; or nil and what is wrong with it.
function events.compose(event)
    if type(event) == "string" then
        event = { data = event }
    end
    local problem = problem_of(event)
    if problem then
        return nil, problem
    end
    local lines = {}
    if event.event then
        lines[1] = "event: " .. event.event .. "\n"
    end
    if event.id then
        lines[#lines + 1] = "id: " .. event.id .. "\n"
    end
    if event.retry then
        lines[#lines + 1] = ("retry: %d\n"):format(event.retry)
    end
    if event.data then
        add_lines(lines, "data", tostring(event.data))
    end
    return table.concat(lines) .. "\n"
end

--- Sends an event: its data as a string, or { event =, data =, id =, retry = }. Waits while the
-- client is slow.
-- @return these events; or nil, "closed" when the client is gone, or the host is about to be
function methods:send(event)
    local text, problem = events.compose(event)
    if not text then
        error((where(2) or "?") .. ": " .. problem, 0)
    end
    local is_written, code = self._write(text)
    if not is_written then
        return nil, code
    end
    return self
end

--- Sends a comment, which clients ignore: a sign of life where nothing happens for long.
function methods:comment(text)
    local lines = {}
    add_lines(lines, "", text or "")
    local is_written, code = self._write(table.concat(lines) .. "\n")
    if not is_written then
        return nil, code
    end
    return self
end

return events
