--- What a server answers the HTTP client: the same however it is split, and never more than was
-- asked for.
-- Input: the request's method as a letter, the bytes of the response.
local response_reader = require "perigee.http.client.response_reader"

local METHODS = { g = "GET", h = "HEAD", c = "POST" }
local MAX_BODY = 1000
local CODES = { again = true, invalid = true, too_large = true, eof = true }

-- Pushes the bytes in pieces of `size`, and then the end. Returns a text that tells what came out.
local function read(method, bytes, size)
    local reader = response_reader.new({ method = method, max_body = MAX_BODY })
    local response, code = nil, "again"
    local position = 1
    while position <= #bytes and code == "again" do
        response, code = reader:push(bytes:sub(position, position + size - 1))
        position = position + size
    end
    if not response and code == "again" then
        response, code = reader:finish()
    end
    if not response then
        assert(CODES[code])
        return "failed: " .. code
    end
    assert(#response.body <= MAX_BODY and (method ~= "HEAD" or response.body == ""))
    assert(response.status >= 200 and response.status <= 599)
    for i = 1, #response.fields do
        assert(not response.fields[i]:find("[\r\n%z]"))
    end
    return ("%d %s\n%s\n%s"):format(response.status, response.reason,
        table.concat(response.fields, "\n"), response.body)
end

return function(bytes)
    local method = METHODS[bytes:sub(1, 1)]
    if not method then
        return
    end
    local rest = bytes:sub(2)
    local whole = read(method, rest, math.max(#rest, 1))
    assert(read(method, rest, 1) == whole)
    assert(read(method, rest, 7) == whole)
end
