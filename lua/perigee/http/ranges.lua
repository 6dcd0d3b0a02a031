--- Byte ranges (RFC 9110 14): which pieces of a representation a Range field asks for. Pure.
local ranges = {}

-- One that asks for more pieces is answered with the whole.
local MAX_COUNT = 16

-- Between two parts of a multipart answer stand about so many bytes: pieces that are nearer to each
-- other are sent as one.
local PART_OVERHEAD = 80

-- The last `count` bytes.
local function read_suffix(count, size)
    if count == 0 then
        return nil
    end
    return { first = math.max(size - count, 0), last = size - 1 }
end

-- The piece that one element asks for; nil when the representation has none of it, or false for
-- what is no range.
local function read_element(text, size)
    local first, last = text:match("^[ \t]*(%d*)%-(%d*)[ \t]*$")
    first, last = tonumber(first), tonumber(last)
    if not first then
        return last ~= nil and read_suffix(last, size)
    elseif last and last < first then
        return false
    elseif first >= size then
        return nil
    end
    return { first = first, last = math.min(last or math.huge, size - 1) }
end

-- The pieces of all elements in order; nil when one of them is no range or they are too
-- many.
local function read_list(list, size)
    local found, count = {}, 0
    for element in list:gmatch("[^,]+") do
        if element:find("[^ \t]") then
            local piece = read_element(element, size)
            count = count + 1
            if piece == false or count > MAX_COUNT then
                return nil
            end
            found[#found + 1] = piece
        end
    end
    return count > 0 and found or nil
end

local function is_apart(found)
    for i = 2, #found do
        if found[i].first <= found[i - 1].last + PART_OVERHEAD then
            return false
        end
    end
    return true
end

local function coalesce(found)
    table.sort(found, function(a, b)
        return a.first < b.first
    end)
    local merged = { found[1] }
    for i = 2, #found do
        local previous, range = merged[#merged], found[i]
        if range.first <= previous.last + PART_OVERHEAD then
            previous.last = math.max(previous.last, range.last)
        else
            merged[#merged + 1] = range
        end
    end
    return merged
end

--- The pieces a Range field asks for, of a representation of `size` bytes: an array of {first=,
-- last=}, offsets of bytes, in order and apart from each other. An empty one when it has none of
-- them: that is 416. Nil when the field is to be ignored: malformed, of another unit, or asking for
-- too much at once; also for an empty representation, which has no pieces.
function ranges.parse(text, size)
    local unit, list = text:match("^(%a+)=(.*)$")
    if not unit or unit:lower() ~= "bytes" or size == 0 then
        return nil
    end
    local found = read_list(list, size)
    if found and not is_apart(found) then
        return coalesce(found)
    end
    return found
end

--- The value of Content-Range for one piece; of the answer 416 without one.
function ranges.content_range(range, size)
    if not range then
        return ("bytes */%.0f"):format(size)
    end
    return ("bytes %.0f-%.0f/%.0f"):format(range.first, range.last, size)
end

return ranges
