--- Trailer fields: what may follow a chunked body (RFC 9110 6.5). Framing, routing, authentication
-- and the meaning of the content are settled when a body begins, so fields that say such things are
-- ignored in a request's trailers and refused in an answer's.
local headers = require "perigee.http.headers"

local trailers = {}

local forbidden = {}
for name in ([[accept authorization cache-control connection content-encoding content-length
    content-range content-type cookie date expect expires forwarded host if-match if-modified-since
    if-none-match if-range if-unmodified-since keep-alive location max-forwards pragma
    proxy-authenticate proxy-authorization proxy-connection range retry-after set-cookie te trailer
    transfer-encoding upgrade vary via www-authenticate]]):gmatch "%S+" do
    forbidden[name] = true
end

--- The fields of trailer lines as they were sent.
function trailers.parse(lines)
    local list = {}
    for name, padded in lines:gmatch "([^:\r\n]+):[ \t]*([^\r\n]*)\r\n" do
        if not forbidden[name:lower()] then
            list[#list + 1], list[#list + 2] = name, padded:match("^.*[^ \t]") or ""
        end
    end
    return headers.new(list)
end

--- The lines of a table of names and values; or nil and what is wrong with it.
function trailers.compose(fields)
    if type(fields) ~= "table" then
        return nil, "trailers must be a table, not a " .. type(fields)
    end
    local list = headers.new()
    for name, value in pairs(fields) do
        local problem = headers.problem(name, value)
        if not problem and forbidden[name:lower()] then
            problem = ("the field %s cannot be a trailer"):format(name)
        end
        if problem then
            return nil, problem
        end
        list:add(name, value)
    end
    return list:text()
end

return trailers
