--- multipart/form-data (RFC 7578), the whole body at once and strictly: no preamble, no epilogue,
-- no padding, every part named. What browsers and curl send passes; a body two readers could
-- understand differently does not.
local headers = require "perigee.http.headers"
local parameters = require "perigee.http.parameters"

local MAX_PARTS = 1000
local MAX_PART_HEAD_SIZE = 4096
local MAX_BOUNDARY_SIZE = 70

local multipart = {}

--- Reads the lines of a part's head. Returns them by lower-case name, or nil and what is wrong.
local function read_fields(head)
    local fields = {}
    for line in head:gmatch("(.-)\r\n") do
        local name, padded = line:match("^([^:]+):[ \t]*(.*)$")
        local value = padded and (padded:match("^.*[^ \t]") or "") -- a lazy one is quadratic
        if not name or headers.problem(name, value) then
            return nil, "a part has a malformed header line"
        end
        name = name:lower()
        if fields[name] then
            return nil, "a part has the header " .. name .. " twice"
        end
        fields[name] = value
    end
    return fields
end

local function read_part(head, body)
    local fields, problem = read_fields(head)
    if not fields then
        return nil, problem
    end
    local kind, found = parameters.parse(fields["content-disposition"] or "")
    if kind ~= "form-data" or not found.name then
        return nil, "a part has no Content-Disposition: form-data with a name"
    end
    return { name = found.name, filename = found.filename, content_type = fields["content-type"],
        body = body }
end

--- The part whose boundary line ends at `position`, and the position behind the boundary that ends
-- it. Or nil, code, detail.
local function next_part(body, position, delimiter)
    local head_end = body:find("\r\n\r\n", position, true)
    if not head_end then
        return nil, "invalid", "a part's head does not end"
    end
    if head_end - position > MAX_PART_HEAD_SIZE then
        return nil, "too_large", ("a part's head exceeds %d bytes"):format(MAX_PART_HEAD_SIZE)
    end
    local body_from = head_end + 4
    local body_end, delimiter_end = body:find("\r\n" .. delimiter, body_from, true)
    if not body_end then
        return nil, "invalid", "the last part does not end with the boundary"
    end
    local part, problem = read_part(body:sub(position + 2, head_end + 1),
        body:sub(body_from, body_end - 1))
    if not part then
        return nil, "invalid", problem
    end
    return part, delimiter_end + 1
end

local function is_boundary(boundary)
    return #boundary <= MAX_BOUNDARY_SIZE
        and boundary:find("^[%w'()+_,./:=? -]*[%w'()+_,./:=?-]$") ~= nil
end

--- Splits a body into its parts.
-- @param boundary of the Content-Type
-- @return an array of {name, filename, content_type, body}, the middle two only when they were
-- sent; or nil, "invalid" or "too_large", detail
function multipart.parse(body, boundary)
    local delimiter = "--" .. boundary
    if not is_boundary(boundary) then
        return nil, "invalid", "the boundary is malformed"
    end
    if body:sub(1, #delimiter) ~= delimiter then
        return nil, "invalid", "the body does not begin with the boundary"
    end
    local parts, position = {}, #delimiter + 1
    while body:sub(position, position + 1) == "\r\n" do
        if #parts == MAX_PARTS then
            return nil, "too_large", ("there are more than %d parts"):format(MAX_PARTS)
        end
        local part, behind, detail = next_part(body, position, delimiter)
        if not part then
            return nil, behind, detail
        end
        parts[#parts + 1], position = part, behind
    end
    local tail = body:sub(position)
    if tail ~= "--" and tail ~= "--\r\n" then
        return nil, "invalid", "a boundary line has something behind it"
    end
    return parts
end

return multipart
