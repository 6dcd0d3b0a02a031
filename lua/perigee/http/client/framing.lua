--- Where a response ends and whether its connection goes on (RFC 9112 6.3 and 9.3).
-- A client that is wrong about either takes one answer for another. So a response that says its
-- length in two ways, or in a way not known here, is refused instead of understood.
local framing = {}

--- True when a comma-separated list such as a Connection field holds `token`, which is lower-case.
function framing.has_token(list, token)
    for word in list:lower():gmatch("[^, \t]+") do
        if word == token then
            return true
        end
    end
    return false
end

local function encoding_problem(encodings, lengths, minor)
    if #encodings == 0 then
        return nil
    elseif #encodings > 1 or encodings[1]:lower() ~= "chunked" then
        return "the transfer encoding is not chunked and chunked only"
    elseif #lengths > 0 then
        return "there are both Content-Length and Transfer-Encoding"
    end
    return minor == 0 and "HTTP/1.0 has no Transfer-Encoding" or nil
end

local function length_problem(lengths)
    if #lengths > 1 then
        return "there is more than one Content-Length"
    elseif lengths[1] and not lengths[1]:find("^%d+$") then
        return "the Content-Length is not a number"
    end
    return nil
end

local function is_bodiless(method, status)
    return method == "HEAD" or status == 204 or status == 304
end

--- Says how the body of a final response is delimited.
-- @param method of the request
-- @param head {minor, status, fields}: HTTP/1.`minor` and Headers
-- @return "sized" and the size, "chunked" or "until_close"; or nil, "invalid", detail
function framing.of(method, head)
    local encodings = head.fields:get_all("transfer-encoding")
    local lengths = head.fields:get_all("content-length")
    local problem = encoding_problem(encodings, lengths, head.minor) or length_problem(lengths)
    if problem then
        return nil, "invalid", problem
    elseif is_bodiless(method, head.status) then
        return "sized", 0
    elseif encodings[1] then
        return "chunked"
    elseif lengths[1] then
        return "sized", tonumber(lengths[1])
    end
    return "until_close"
end

--- True when a response that cannot have a body announces one: a server that does may also send it.
function framing.announces_body(head)
    local length = head.fields:get("content-length")
    return head.fields:get("transfer-encoding") ~= nil or length ~= nil and not length:find("^0+$")
end

--- True when the server will answer another request on the connection of this response.
function framing.is_persistent(head)
    if head.status == 204 and framing.announces_body(head) then
        return false
    end
    local connection = head.fields:get("connection") or ""
    if framing.has_token(connection, "close") then
        return false
    end
    return head.minor > 0 or framing.has_token(connection, "keep-alive")
end

return framing
