--- Bytes: a hand-written reader of JSON-like text, one character at a time.
local ROUNDS = 1000

local QUOTE, COMMA, OPEN, CLOSE = 34, 44, 91, 93

local function make_text()
    local parts = {}
    for i = 1, 500 do
        parts[i] = ('["item %d",%d,[%d,"nested"]]'):format(i, i * 7, i)
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

local function read_string(text, from)
    local at = from + 1
    while text:byte(at) ~= QUOTE do
        at = at + 1
    end
    return text:sub(from + 1, at - 1), at + 1
end

local function read_number(text, from)
    local at, number = from, 0
    local byte = text:byte(at)
    while byte >= 48 and byte <= 57 do
        number = number * 10 + byte - 48
        at = at + 1
        byte = text:byte(at)
    end
    return number, at
end

local read_list

local function read_value(text, at)
    local byte = text:byte(at)
    if byte == OPEN then
        return read_list(text, at)
    elseif byte == QUOTE then
        return read_string(text, at)
    end
    return read_number(text, at)
end

function read_list(text, from)
    local list, at = {}, from + 1
    while text:byte(at) ~= CLOSE do
        list[#list + 1], at = read_value(text, at)
        if text:byte(at) == COMMA then
            at = at + 1
        end
    end
    return list, at + 1
end

return function()
    local text = make_text()
    for _ = 1, ROUNDS do
        local list = read_list(text, 1)
        assert(#list == 500 and list[500][2] == 3500 and list[500][3][2] == "nested")
    end
end
