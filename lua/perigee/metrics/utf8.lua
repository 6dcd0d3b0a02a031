--- Texts that are UTF-8 whatever they were: a page with a byte that is not cannot be read at all.
-- Pure.
local utf8 = {}

local REPLACEMENT = "\239\191\189"

-- The characters of RFC 3629, section 4.
local CHARACTERS = {
    "^[%z\1-\127]+",
    "^[\194-\223][\128-\191]",
    "^\224[\160-\191][\128-\191]",
    "^[\225-\236\238\239][\128-\191][\128-\191]",
    "^\237[\128-\159][\128-\191]",
    "^\240[\144-\191][\128-\191][\128-\191]",
    "^[\241-\243][\128-\191][\128-\191][\128-\191]",
    "^\244[\128-\143][\128-\191][\128-\191]",
}

local function character_at(text, from)
    for _, pattern in ipairs(CHARACTERS) do
        local found = text:match(pattern, from)
        if found then
            return found
        end
    end
end

--- `text` with U+FFFD in place of each byte that belongs to no character.
function utf8.scrub(text)
    if not text:find("[\128-\255]") then
        return text
    end
    local parts, from = {}, 1
    while from <= #text do
        local found = character_at(text, from)
        parts[#parts + 1] = found or REPLACEMENT
        from = from + (found and #found or 1)
    end
    return table.concat(parts)
end

return utf8
