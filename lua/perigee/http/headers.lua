--- Header fields: a multi-map without regard to case that keeps order and spelling. A Headers
-- object is its own flat array {name, value, name, value, ...}. What is read from a peer is taken
-- as it is: the host has checked it. What is set here is checked, so that no value can end its
-- line.
local byte, concat, lower = string.byte, table.concat, string.lower

local token_bytes = {} -- of RFC 9110, by code
for code = 33, 126 do
    token_bytes[code] = string.char(code):find("[%w!#$%%&'*+.^_`|~-]") ~= nil
end

local separators = { cookie = "; " }
local single = { ["set-cookie"] = true } -- values may hold commas: never joined

local methods = {}

-- headers["content-type"] is headers:get("content-type").
local metatable = {
    __index = function(self, key)
        return methods[key] or type(key) == "string" and methods.get(self, key) or nil
    end,
}

local headers = {}

--- Makes Headers of a flat array {name, value, ...}, which it adopts; empty by default.
function headers.new(list)
    return setmetatable(list or {}, metatable)
end

--- The fields of lines "Name: value\r\n", as `text` composes them.
function headers.parse(lines)
    local list, count = {}, 0
    for name, value in lines:gmatch("([^:\r\n]+):[ \t]*([^\r\n]*)\r\n") do
        list[count + 1], list[count + 2] = name, value
        count = count + 2
    end
    return headers.new(list)
end

-- The two checks are loops, because LuaJIT compiles them; it does not compile pattern matching.

--- True for a `token` of RFC 9110: what a header or cookie may be called.
function headers.is_token(text)
    for i = 1, #text do
        if not token_bytes[byte(text, i)] then
            return false
        end
    end
    return text ~= ""
end

--- The position of the first control character but the tab; nil when there is none.
local function find_control(text)
    for i = 1, #text do
        local code = byte(text, i)
        if code < 32 and code ~= 9 or code == 127 then
            return i
        end
    end
    return nil
end

--- Says what is wrong with a header field about to be sent; nil when nothing is.
function headers.problem(name, value)
    if type(name) ~= "string" or not headers.is_token(name) then
        return ('a header name must be a token, not "%s"'):format((tostring(name):gsub("%c", "?")))
    end
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" then
        return ("the header %s must be a string or a number, not %s"):format(name, kind)
    end
    local position = kind == "string" and find_control(value)
    if position then
        return ("the header %s has a control character at byte %d"):format(name, position)
    end
    return nil
end

local function text_of(value)
    local is_integer = type(value) == "number" and value % 1 == 0
    return is_integer and ("%.0f"):format(value) or tostring(value)
end

local function check(name, value)
    local problem = headers.problem(name, value)
    if problem then
        error(problem, 3)
    end
end

--- All values with this name, in order.
function methods.get_all(self, name)
    local wanted, values = lower(name), {}
    for i = 1, #self, 2 do
        if lower(self[i]) == wanted then
            values[#values + 1] = self[i + 1]
        end
    end
    return values
end

--- The value with this name, or nil. Repeated fields are joined as RFC 9110 says, by ", "; Cookie
-- by "; "; of Set-Cookie the first is returned.
function methods.get(self, name)
    local wanted = lower(name)
    local values = self:get_all(wanted)
    if #values < 2 or single[wanted] then
        return values[1]
    end
    return concat(values, separators[wanted] or ", ")
end

--- Adds a field behind the others.
function methods.add(self, name, value)
    check(name, value)
    self[#self + 1] = name
    self[#self + 1] = text_of(value)
end

--- Removes all fields with this name.
function methods.remove(self, name)
    local wanted, count, size = lower(name), 0, #self
    for i = 1, size, 2 do
        if lower(self[i]) ~= wanted then
            self[count + 1], self[count + 2] = self[i], self[i + 1]
            count = count + 2
        end
    end
    for i = size, count + 1, -1 do
        self[i] = nil
    end
end

--- Replaces all fields with this name by one at the end.
function methods.set(self, name, value)
    check(name, value)
    self:remove(name)
    self[#self + 1] = name
    self[#self + 1] = text_of(value)
end

--- Iterates over the fields in order: `for name, value in headers:each() do`.
function methods.each(self)
    local i = -1
    return function()
        i = i + 2
        return self[i], self[i + 1]
    end
end

--- The fields as lines of a message head.
function methods.text(self)
    local pieces = {}
    for i = 1, #self, 2 do
        pieces[#pieces + 1] = self[i] .. ": " .. self[i + 1] .. "\r\n"
    end
    return concat(pieces)
end

return headers
