--- Base64 with padding (RFC 4648, section 4), the form that Go's encoding/json has for bytes.
local byte, char, concat, floor, sub =
    string.byte, string.char, table.concat, math.floor, string.sub

local base64 = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local digit_texts, digit_values = {}, {}
for value = 0, 63 do
    digit_texts[value] = sub(ALPHABET, value + 1, value + 1)
    digit_values[byte(ALPHABET, value + 1)] = value
end

--- The text that stands for some bytes.
function base64.encode(bytes)
    local pieces = {}
    for i = 1, #bytes, 3 do
        local first, second, third = byte(bytes, i, i + 2)
        local group = first * 65536 + (second or 0) * 256 + (third or 0)
        pieces[#pieces + 1] = digit_texts[floor(group / 262144)]
            .. digit_texts[floor(group / 4096) % 64]
            .. (second and digit_texts[floor(group / 64) % 64] or "=")
            .. (third and digit_texts[group % 64] or "=")
    end
    return concat(pieces)
end

-- The group of up to four digits that begins at `i`; nil when one of them is none.
local function read_group(text, i, count)
    local group = 0
    for k = i, i + count - 1 do
        local value = digit_values[byte(text, k)]
        if not value then
            return nil
        end
        group = group * 64 + value
    end
    return group * 64 ^ (4 - count)
end

--- The bytes that a text stands for; nil when it is no such text.
function base64.decode(text)
    local _, _, padding = text:find("(=*)$")
    local digit_count = #text - #padding
    if #text % 4 ~= 0 or #padding > 2 then
        return nil
    end
    local pieces = {}
    for i = 1, digit_count, 4 do
        local count = digit_count - i + 1 < 4 and digit_count - i + 1 or 4
        local group = read_group(text, i, count)
        if not group then
            return nil
        end
        pieces[#pieces + 1] = sub(char(floor(group / 65536), floor(group / 256) % 256,
            group % 256), 1, count - 1)
    end
    return concat(pieces)
end

return base64
