--- Form bodies: application/x-www-form-urlencoded and multipart/form-data.
local multipart = require "perigee.http.multipart"
local parameters = require "perigee.http.parameters"
local url = require "perigee.http.url"

local form = {}

local function new(list, files)
    return { values = url.first_values(list), all = url.all_values(list), files = files }
end

local function parse_urlencoded(body)
    local list, code = url.parse_query(body)
    if not list then
        return nil, code, code == "invalid" and "the form has a malformed percent-encoding"
            or "the form has too many fields"
    end
    return new(list, {})
end

local function parse_multipart(body, found)
    if not found.boundary then
        return nil, "invalid", "the Content-Type has no boundary"
    end
    local parts, code, detail = multipart.parse(body, found.boundary)
    if not parts then
        return nil, code, detail
    end
    local list, files = {}, {}
    for _, part in ipairs(parts) do
        if not part.filename then
            list[#list + 1], list[#list + 2] = part.name, part.body
        elseif part.filename ~= "" or part.body ~= "" then -- else a file input left empty
            part.content_type = part.content_type or "application/octet-stream"
            files[#files + 1] = part
        end
    end
    return new(list, files)
end

local parsers = {
    ["application/x-www-form-urlencoded"] = parse_urlencoded,
    ["multipart/form-data"] = parse_multipart,
}

--- Parses a form body.
-- @param content_type the Content-Type field, or nil
-- @return {values = first value by name, all = array of values by name, files = array of {name,
-- filename, content_type, body}}; or nil, "unsupported", "invalid" or "too_large", detail
function form.parse(content_type, body)
    local kind, found = parameters.parse(content_type or "")
    local parse = parsers[kind]
    if not parse then
        return nil, "unsupported", "the Content-Type is not that of a form"
    end
    return parse(body, found)
end

return form
