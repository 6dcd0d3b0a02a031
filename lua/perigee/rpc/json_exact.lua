--- JSON text to values without loss of integers: those beyond 2^53 become int64 or uint64, which
-- lua-cjson alone would round.
local int64 = require "perigee.rpc.int64"
local json = require "perigee.json"

local find, match, sub = string.find, string.match, string.sub

local LONG_RUN = ("%d"):rep(16) -- digits of which a double may lose some

-- The position of the quote that ends the string which begins at `position`; the text's end when
-- there is none, which the decoder will tell.
local function string_end(text, position)
    local at = position + 1
    while true do
        at = find(text, '["\\]', at)
        if not at then
            return #text
        elseif sub(text, at, at) == '"' then
            return at
        end
        at = at + 2
    end
end

-- An integer token that a double cannot hold, or nil.
local function exact_integer(token)
    local value = match(token, "^%-?%d+$") and int64.parse(token)
    return type(value) == "cdata" and token or nil
end

-- Rewrites a text so that strings begin with "s", and integers that a double cannot hold are
-- strings which begin with "i": nobody can write the one so that it becomes the other.
local function mark(text)
    local pieces, done, at = {}, 1, 1
    while true do
        at = find(text, '["%d-]', at)
        if not at then
            break
        elseif sub(text, at, at) == '"' then
            pieces[#pieces + 1] = sub(text, done, at) .. "s"
            done = at + 1
            at = string_end(text, at) + 1
        else
            local token = match(text, "^[%d.eE+-]+", at)
            if exact_integer(token) then
                pieces[#pieces + 1] = sub(text, done, at - 1) .. '"i' .. token .. '"'
                done = at + #token
            end
            at = at + #token
        end
    end
    pieces[#pieces + 1] = sub(text, done)
    return table.concat(pieces)
end

local unmark

local function unmark_table(marked)
    local value = {}
    for key, item in next, marked do
        value[type(key) == "string" and sub(key, 2) or key] = unmark(item)
    end
    return value
end

function unmark(marked)
    if type(marked) == "table" then
        return unmark_table(marked)
    elseif type(marked) ~= "string" then
        return marked
    elseif sub(marked, 1, 1) == "i" then
        return int64.parse(sub(marked, 2))
    end
    return sub(marked, 2)
end

--- Decodes one JSON text as perigee.json does, and keeps the integers of 64 bits.
-- @return the value; or nil, "invalid", detail
return function(text)
    local value, code, detail = json.decode(text)
    if value == nil or not find(text, LONG_RUN) then
        return value, code, detail
    end
    return unmark((json.decode(mark(text))))
end
