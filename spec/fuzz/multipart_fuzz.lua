--- perigee.http.multipart: a body that is read is read again when it is composed canonically, and
-- no part of it is a body too.
-- Input: the boundary, a line feed, the body.
local form = require "perigee.http.form"
local multipart = require "perigee.http.multipart"

local codes = { invalid = true, too_large = true }

local function quote(text)
    return '"' .. text:gsub('["\\]', "\\%0") .. '"'
end

local function compose(parts, boundary)
    local pieces = {}
    for _, part in ipairs(parts) do
        pieces[#pieces + 1] = "--" .. boundary .. "\r\n"
            .. "Content-Disposition: form-data; name=" .. quote(part.name)
            .. (part.filename and "; filename=" .. quote(part.filename) or "") .. "\r\n"
            .. (part.content_type and "Content-Type: " .. part.content_type .. "\r\n" or "")
            .. "\r\n" .. part.body .. "\r\n"
    end
    return table.concat(pieces) .. "--" .. boundary .. "--\r\n"
end

local function assert_same_parts(a, b)
    assert(#a == #b)
    for i, part in ipairs(a) do
        for _, key in ipairs { "name", "filename", "content_type", "body" } do
            assert(part[key] == b[i][key])
        end
    end
end

local function check_accepted(parts, body, boundary)
    for _, part in ipairs(parts) do
        assert(not part.body:find("\r\n--" .. boundary, 1, true))
    end
    assert_same_parts(parts, assert(multipart.parse(compose(parts, boundary), boundary)))
    local whole = body:match("^(.-%-%-)\r\n$") or body
    for size = math.max(0, #whole - 100), #whole - 1 do
        assert(multipart.parse(whole:sub(1, size), boundary) == nil)
    end
end

local function check_form(parts, body, boundary)
    local content_type = "multipart/form-data; boundary=" .. quote(boundary)
    local parsed, code, detail = form.parse(content_type, body)
    if not parts then
        assert(parsed == nil and codes[code] and type(detail) == "string")
        return
    end
    local file_count = #parsed.files
    for _, values in pairs(parsed.all) do
        file_count = file_count + #values
    end
    assert(file_count <= #parts)
end

return function(bytes)
    local boundary, body = bytes:match("^([^\n]*)\n(.*)$")
    if not boundary then
        return
    end
    local parts, code, detail = multipart.parse(body, boundary)
    if parts then
        check_accepted(parts, body, boundary)
    else
        assert(codes[code] and type(detail) == "string")
    end
    check_form(parts, body, boundary)
end
