--- Conditional requests (RFC 9110 13): whether the state of a representation is the one the client
-- spoke of. Pure: fields, validators and the time are arguments.
local date = require "perigee.http.date"

local preconditions = {}

--- True when a list of entity tags has this one. Weak comparison looks at the tag alone, strong
-- comparison wants both to be strong. What comes behind something malformed is not looked at.
local function has_tag(list, tag, is_weak_enough)
    local opaque, is_weak = tag:match('"[^"]*"'), tag:sub(1, 2) == "W/"
    local position = 1
    while true do
        local mark, found, next_position = list:match('^[ \t,]*(W?/?)("[^"]*")()', position)
        if not found or mark ~= "" and mark ~= "W/" then
            return false
        elseif found == opaque and (is_weak_enough or mark == "" and not is_weak) then
            return true
        end
        position = next_position
    end
end

local function matches(list, tag, is_weak_enough)
    return list == "*" or has_tag(list, tag, is_weak_enough)
end

-- The steps 1 and 2 of 13.2.2: true when the client wants to touch no other state than it knows.
local function is_expected(field, state)
    local if_match = field("if-match")
    if if_match then
        return matches(if_match, state.tag, false)
    end
    local since = field("if-unmodified-since")
    local limit = since and date.parse(since, state.now)
    return not limit or state.modified <= limit
end

-- The steps 3 and 4: true when the client has this state already.
local function is_known(field, state, is_read)
    local if_none_match = field("if-none-match")
    if if_none_match then
        return matches(if_none_match, state.tag, true)
    end
    local since = is_read and field("if-modified-since")
    local limit = since and date.parse(since, state.now)
    return limit ~= nil and limit ~= false and state.modified <= limit
end

--- What the conditions of a request say, by their precedence (13.2.2).
-- @param field a function from a lower-case name to a field's value or nil
-- @param state { tag = the entity tag, modified =, now = seconds since 1970 } of what is there
-- @return 412, 304, or nil to go on
function preconditions.check(method, field, state)
    local is_read = method == "GET" or method == "HEAD"
    if not is_expected(field, state) then
        return 412
    elseif is_known(field, state, is_read) then
        return is_read and 304 or 412
    end
    return nil
end

--- Whether a Range field counts beside this If-Range (step 5), nil for none. It is one strong tag,
-- not a list; or a date, which does only when it is exactly that of the representation, and its
-- second is over: within it the content may have changed once more.
function preconditions.allows_range(if_range, state)
    if not if_range then
        return true
    elseif if_range:find('"', 1, true) then
        return if_range == state.tag and if_range:sub(1, 2) ~= "W/"
    end
    return date.parse(if_range, state.now) == state.modified and state.now >= state.modified + 1
end

return preconditions
