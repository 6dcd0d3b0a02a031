--- The body of a request as it comes: what perigee.http.request does besides reading the whole.
-- While a handler does not take what is there, the host stops reading from the client.
local http_error = require "perigee.http.http_error"
local lazy = require "perigee.core.lazy"

local trailers = lazy "perigee.http.trailers"

local PIECE_SIZE = 64 * 1024

local request_body = {}

-- Somebody, perhaps middleware, has read the whole before.
local function read_again(request, size)
    local at = request._body_position or 1
    local piece = request._body:sub(at, at + size - 1)
    request._body_position = at + #piece
    if piece == "" then
        return nil
    end
    return piece
end

--- See request:read.
function request_body.read(request, size)
    size = size or PIECE_SIZE
    if request._body then
        return read_again(request, size)
    elseif request._body == false then
        return nil, request._body_code
    end
    request._is_read_in_pieces = true
    local piece, code = request._exchange:read(size)
    if not piece and not code then
        request._is_body_over = true
    end
    return piece, code
end

local function fail(code, detail)
    error(http_error.of_body(code, detail), 0)
end

--- See request:chunks.
function request_body.chunks(request, limit, size)
    local detail = limit and ("the body is larger than %d bytes"):format(limit)
    local announced = request:header "content-length"
    if limit and announced and tonumber(announced) > limit then
        fail("too_large", detail)
    end
    local total = 0
    return function()
        local piece, code = request_body.read(request, size)
        if code then
            fail(code)
        end
        total = total + (piece and #piece or 0)
        if limit and total > limit then
            fail("too_large", detail)
        end
        return piece
    end
end

--- See request:trailers.
function request_body.trailers(request)
    local lines, code = request._exchange:trailers()
    if not lines then
        return nil, code
    end
    return trailers.parse(lines)
end

return request_body
