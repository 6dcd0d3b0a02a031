--- Texts that are UTF-8 whatever they were: a page with a byte that is not cannot be read at all.
-- Pure.
local utf8 = {}

local REPLACEMENT = "\239\191\189"

-- How many bytes follow the first one of a character, and the least and the most that the second
-- may be (RFC 3629, section 4); nil for a byte that begins none.
local function shape_of(first)
    if first < 0x80 then
        return 0
    elseif first >= 0xC2 and first <= 0xDF then
        return 1, 0x80, 0xBF
    elseif first >= 0xE0 and first <= 0xEF then
        return 2, first == 0xE0 and 0xA0 or 0x80, first == 0xED and 0x9F or 0xBF
    elseif first >= 0xF0 and first <= 0xF4 then
        return 3, first == 0xF0 and 0x90 or 0x80, first == 0xF4 and 0x8F or 0xBF
    end
end

-- The size of the character at `from`; nil when there is none.
local function character_size(text, from)
    local count, least, most = shape_of(text:byte(from))
    if count == nil or count == 0 then
        return count and 1
    end
    local second = text:byte(from + 1)
    if not second or second < least or second > most then
        return nil
    end
    for i = from + 2, from + count do
        local byte = text:byte(i)
        if not byte or byte < 0x80 or byte > 0xBF then
            return nil
        end
    end
    return count + 1
end

--- `text` with U+FFFD in place of each byte that belongs to no character.
function utf8.scrub(text)
    if not text:find("[\128-\255]") then
        return text
    end
    local parts, from = {}, 1
    while from <= #text do
        local size = character_size(text, from)
        parts[#parts + 1] = size and text:sub(from, from + size - 1) or REPLACEMENT
        from = from + (size or 1)
    end
    return table.concat(parts)
end

return utf8
