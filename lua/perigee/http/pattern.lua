--- Route patterns: "/users/:id/files/*path" as a list of segments.
-- A pattern is written as the decoded path: no percent-encoding, no query.
local pattern = {}

local function parse_segment(text)
    local marker, name = text:match("^([:*])(.*)$")
    if not marker then
        if text:find("*", 1, true) then
            return nil, '"*" may only begin a segment'
        end
        return { kind = "static", text = text }
    end
    if not name:find("^[%a_][%w_]*$") then
        return nil, ('"%s" needs a name of letters, digits and "_"'):format(text)
    end
    return { kind = marker == ":" and "param" or "rest", name = name }
end

--- Refuses what each segment alone cannot show.
local function problem_of(segments)
    local seen = {}
    for i, segment in ipairs(segments) do
        if segment.text == "" and i < #segments then
            return "it has an empty segment"
        end
        if segment.kind == "rest" and i < #segments then
            return ('"*%s" must be the last segment'):format(segment.name)
        end
        if segment.name and seen[segment.name] then
            return ('it has the name "%s" twice'):format(segment.name)
        end
        if segment.name then
            seen[segment.name] = true
        end
    end
    return nil
end

--- Parses a pattern.
-- @return an array of {kind = "static", text}, {kind = "param", name} and {kind = "rest", name}; or
-- nil and what is wrong
function pattern.parse(text)
    if type(text) ~= "string" then
        return nil, "it must be a string, not " .. type(text)
    end
    if text:sub(1, 1) ~= "/" then
        return nil, 'it must begin with "/"'
    end
    local foreign = text:match("[%%?#%c]")
    if foreign then
        return nil, ('it must be the plain path, without "%s"'):format((foreign:gsub("%c", "\\?")))
    end
    local segments = {}
    for piece in text:gmatch("/([^/]*)") do
        local segment, problem = parse_segment(piece)
        if not segment then
            return nil, problem
        end
        segments[#segments + 1] = segment
    end
    local problem = problem_of(segments)
    if problem then
        return nil, problem
    end
    return segments
end

return pattern
