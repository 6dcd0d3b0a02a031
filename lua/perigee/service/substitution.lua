--- `gmatch` and `gsub` of scripts, as perigee.service.patterns has the others. What gsub calls may
-- wait and is cut, because it is called by Lua.
local host = require "host"
local patterns = require "perigee.service.patterns"

local search, go_on, replace = host.pattern_find, host.pattern_go_on, host.pattern_replace
local gmatch_builtin, gsub_builtin = string.gmatch, string.gsub
local byte, sub = string.byte, string.sub
local text_of = patterns.text

local substitution = {}

-- Modes of host.pattern_find.
local WHOLE, FLOATING = 1, 2

local CARET = byte("^")

function substitution.gmatch(text, pattern)
    text, pattern = text_of(text), text_of(pattern)
    if type(text) ~= "string" or type(pattern) ~= "string" then
        return gmatch_builtin(text, pattern) -- which says what is wrong
    end
    local position = 1
    local function step(first, last, ...)
        if type(first) == "userdata" then
            return step(go_on(first, text, pattern))
        elseif first == nil then
            if last then
                error(last, 2)
            end
            return
        end
        position = last >= first and last + 1 or first + 1
        return ...
    end
    return function()
        if position <= #text + 1 then
            return step(search(text, pattern, position, FLOATING))
        end
    end
end

-- What "%1" and the like stand for. Errors name the line that called gsub.
local function expand(replacement, whole, ...)
    local captures, count = { ... }, select("#", ...)
    local problem
    local expanded = gsub_builtin(replacement, "%%(.?)", function(character)
        local number = tonumber(character)
        if not number then
            return character == "" and "\0" or character
        elseif number > count then
            problem = "invalid capture index"
        end
        return number == 0 and whole or captures[number]
    end)
    if problem then
        error(problem, 4)
    end
    return expanded
end

local function value_of(replacement, text, first, last, ...)
    local kind = type(replacement)
    if kind == "function" then
        return replacement(...)
    elseif kind == "table" then
        return replacement[(...)]
    end
    return expand(replacement, sub(text, first, last), ...)
end

-- Returns where the next one is and what takes its place; nil when there is none.
local function next_one(text, pattern, replacement, first, last, ...)
    if type(first) == "userdata" then
        return next_one(text, pattern, replacement, go_on(first, text, pattern))
    elseif first == nil then
        if last then
            error(last, 3)
        end
        return nil
    end
    local value = value_of(replacement, text, first, last, ...)
    if not value then
        value = sub(text, first, last)
    elseif type(value) ~= "string" and type(value) ~= "number" then
        error(("invalid replacement value (a %s)"):format(type(value)), 3)
    end
    return first, last, value
end

-- Goes on at `position` with `count` replaced; what is before that is in `parts`.
local function substitute(text, pattern, replacement, limit, parts, count, position)
    local copied = position
    while count < limit and position <= #text + 1 do
        local first, last, value = next_one(text, pattern, replacement,
            search(text, pattern, position, WHOLE))
        if not first then
            break
        end
        count = count + 1
        parts[#parts + 1] = sub(text, copied, first - 1)
        parts[#parts + 1] = value
        copied = last + 1
        position = last >= first and last + 1 or first + 1
        if byte(pattern) == CARET then
            break
        end
    end
    parts[#parts + 1] = sub(text, copied)
    return table.concat(parts), count
end

local REPLACEMENTS = { string = true, ["function"] = true, table = true }

-- How many at most; nil when the limit is none.
local function most_of(limit)
    local most = limit == nil and math.huge or tonumber(limit)
    return most and (most > 0 and math.floor(most) or 0)
end

-- What runs code of the script is called from here.
local function is_simple(replacement)
    return type(replacement) == "string"
        or type(replacement) == "table" and getmetatable(replacement) == nil
end

function substitution.gsub(text, pattern, replacement, limit)
    local most = most_of(limit)
    text, pattern, replacement = text_of(text), text_of(pattern), text_of(replacement)
    if type(text) ~= "string" or type(pattern) ~= "string" or not most
        or not REPLACEMENTS[type(replacement)] then
        return gsub_builtin(text, pattern, replacement, limit) -- which says what is wrong
    elseif not is_simple(replacement) then
        return substitute(text, pattern, replacement, most, {}, 0, 1)
    end
    local part, count, position = replace(text, pattern, replacement, most)
    if not part then
        error(count, 2)
    elseif not position then
        return part, count
    end
    return substitute(text, pattern, replacement, most, { part }, count, position)
end

return substitution
