--- W3C Trace Context (level 1): which trace a request belongs to, as text. Pure.
local trace_headers = {}

local VERSION_0_SIZE = #"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

local HEX = "[%da-f]"
local PATTERN = ("^(%s)%%-(%s)%%-(%s)%%-(%s)"):format(HEX:rep(2), HEX:rep(32), HEX:rep(16),
    HEX:rep(2))

local NO_TRACE, NO_SPAN = ("0"):rep(32), ("0"):rep(16)

-- Of a tracestate: members, characters that are passed on, and the size of a member that goes first
-- when there are more.
local MAX_MEMBERS, MAX_SIZE, LARGE_SIZE = 32, 512, 128

-- Later versions may append to what is known.
local function is_complete(text, version)
    if version == "00" then
        return #text == VERSION_0_SIZE
    end
    return version ~= "ff" and (#text == VERSION_0_SIZE
        or text:sub(VERSION_0_SIZE + 1, VERSION_0_SIZE + 1) == "-")
end

--- Reads a traceparent (section 3.2). Returns the trace id, the id of the caller's span, and
-- whether the caller samples the trace; nil for none or a malformed one, of which several fields
-- are one.
function trace_headers.parse(text)
    if not text then
        return nil
    end
    local version, trace_id, span_id, flags = text:match(PATTERN)
    if not version or not is_complete(text, version) or trace_id == NO_TRACE
        or span_id == NO_SPAN then
        return nil
    end
    return trace_id, span_id, tonumber(flags, 16) % 2 == 1
end

--- The traceparent of a span.
function trace_headers.format(trace_id, span_id, is_sampled)
    return ("00-%s-%s-%s"):format(trace_id, span_id, is_sampled and "01" or "00")
end

local function total_size(members)
    local size = #members - 1
    for _, member in ipairs(members) do
        size = size + #member
    end
    return size
end

-- Which member goes first: a large one, or else the last.
local function next_to_go(members)
    for i = #members, 1, -1 do
        if #members[i] > LARGE_SIZE then
            return i
        end
    end
    return #members
end

--- What of a tracestate is passed on (section 3.3); nil when nothing is.
function trace_headers.pass_on(tracestate)
    local members = {}
    for member in (tracestate or ""):gmatch("[^,]+") do
        member = member:match("^%s*(.-)%s*$")
        if member:find("^[%l%d][%l%d_*/@-]*=[\32-\126]+$") then
            members[#members + 1] = member
        elseif member ~= "" then
            return nil
        end
    end
    while #members > MAX_MEMBERS or total_size(members) > MAX_SIZE do
        table.remove(members, next_to_go(members))
    end
    return members[1] and table.concat(members, ",") or nil
end

return trace_headers
