--- `find` and `match` of scripts: what Lua's own functions say, but in pieces, so that a pattern
-- that takes for ever is cut and ended like any loop. Plain texts go to Lua's own, which is
-- compiled.
local host = require "host"

local search, go_on = host.pattern_find, host.pattern_go_on
local find_builtin, match_builtin = string.find, string.match
local error, tonumber, type = error, tonumber, type

local patterns = {}

--- Modes of host.pattern_find.
local FIND, WHOLE, PLAIN = 0, 1, 3

-- Lua's own search takes time in proportion to both texts' product.
local MAX_PLAIN_SIZE = 64

local MAX_KNOWN = 256
local modes, known_count = {}, 0

local function plain_mode_of(pattern)
    return #pattern > MAX_PLAIN_SIZE and PLAIN
end

-- How to look for `pattern` in find; false for Lua's own function.
local function mode_of(pattern)
    if known_count == MAX_KNOWN then
        modes, known_count = {}, 0
    end
    local mode = FIND
    if not find_builtin(pattern, "[%^%$%*%+%?%.%(%[%-%%]") then
        mode = plain_mode_of(pattern)
    end
    modes[pattern], known_count = mode, known_count + 1
    return mode
end

local function found(text, pattern, first, last, ...)
    if first == nil then
        if last then
            error(last, 2)
        end
        return nil
    elseif type(first) == "userdata" then
        return found(text, pattern, go_on(first, text, pattern))
    end
    return first, last, ...
end

local function matched(text, pattern, first, last, ...)
    if first == nil then
        if last then
            error(last, 2)
        end
        return nil
    elseif type(first) == "userdata" then
        return matched(text, pattern, go_on(first, text, pattern))
    end
    return ...
end

--- A number as the text that Lua takes it for.
function patterns.text(value)
    return type(value) == "number" and value .. "" or value
end

local text_of = patterns.text

local function is_fit(text, pattern, init)
    return type(text) == "string" and type(pattern) == "string"
        and (init == nil or type(init) == "number")
end

-- Calls `fn`, or Lua's own function, which says what is wrong.
local function coerce(fn, builtin, text, pattern, init, is_plain)
    text, pattern, init = text_of(text), text_of(pattern), tonumber(init) or init
    if is_fit(text, pattern, init) then
        return fn(text, pattern, init, is_plain)
    end
    return builtin(text, pattern, init, is_plain)
end

function patterns.find(text, pattern, init, is_plain)
    if not is_fit(text, pattern, init) then
        return coerce(patterns.find, find_builtin, text, pattern, init, is_plain)
    end
    local mode
    if is_plain then
        mode = plain_mode_of(pattern)
    else
        mode = modes[pattern]
        if mode == nil then
            mode = mode_of(pattern)
        end
    end
    if not mode then
        return find_builtin(text, pattern, init, is_plain)
    end
    return found(text, pattern, search(text, pattern, init, mode))
end

function patterns.match(text, pattern, init)
    if not is_fit(text, pattern, init) then
        return coerce(patterns.match, match_builtin, text, pattern, init)
    end
    return matched(text, pattern, search(text, pattern, init, WHOLE))
end

return patterns
