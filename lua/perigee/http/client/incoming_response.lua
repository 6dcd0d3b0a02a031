--- The response of a public client. Its body is there, or comes when it is asked for; what is not
-- taken is not read from the server.
local gzip = require "perigee.core.gzip"
local headers = require "perigee.http.headers"
local lazy = require "perigee.core.lazy"

local json = lazy "perigee.json"
local trailers = lazy "perigee.http.trailers"

local incoming_response = {}

-- So much of a body nobody wants is read to keep its connection, as Go does.
local MOST_DISCARDED = 2048

local methods = {}
local metatable = { __index = methods }

function metatable:__tostring()
    return ("%d %s of %s"):format(self.status, self.reason, self.url)
end

-- Nothing more comes of the body.
local function finish(self, code, detail)
    self._is_over, self._code, self._detail = true, code, detail
    if self._gunzip then
        self._gunzip:close()
        self._gunzip = false
    end
    self._exchange:close()
    return nil, code, detail
end

-- The next bytes as they were sent; nil at their end; or nil, code, detail.
local function read_sent(self)
    local limits = self._limits
    local deadline = limits:deadline_of("body", self._deadline)
    local bytes, code, detail = self._exchange:read(deadline)
    if code == "timeout" then
        detail = limits:explain("body", self._deadline)
    end
    return bytes, code, detail
end

-- The same of what was compressed.
local function read_unzipped(self)
    while true do
        local bytes, code = self._gunzip:read()
        if bytes then
            return bytes
        elseif code == "invalid" then
            return nil, code, "the body is no gzip, as its Content-Encoding says"
        end
        local sent, reason, detail = read_sent(self)
        if sent then
            self._gunzip:write(sent)
        elseif reason then
            return nil, reason, detail
        elseif code == "again" then
            return nil, "invalid", "the gzip of the body is cut off"
        else
            return nil
        end
    end
end

local function next_piece(self)
    if self._is_over then
        return nil, self._code, self._detail
    end
    local read = self._gunzip and read_unzipped or read_sent
    local bytes, code, detail = read(self)
    if not bytes then
        return finish(self, code, code and ("%s: %s"):format(self.url, detail or code))
    end
    self._size = self._size + #bytes
    if self._size > self._max_body then
        return finish(self, "too_large", ("%s: the body is larger than %.0f bytes (max_body)")
            :format(self.url, self._max_body))
    end
    return bytes
end

local function is_gzip(coding)
    local name = coding and coding:lower()
    return name == "gzip" or name == "x-gzip"
end

-- The script did not ask for gzip, and shall not hear of it.
local function unzip(self)
    self._gunzip = gzip.reader() or false
    self.headers:remove("content-encoding")
    self.headers:remove("content-length")
    return self._gunzip
end

local function has_body(method, status)
    return method ~= "HEAD" and status ~= 204 and status ~= 304
end

--- Makes one of an exchange that has begun.
-- @param options { method, url = text, limits, deadline = of the body or nil, max_body, asks_gzip }
-- @return the response; or nil, code, detail
function incoming_response.new(exchange, options)
    local head = exchange.head
    local self = setmetatable({
        status = head.status,
        reason = head.reason,
        headers = head.fields,
        url = options.url,
        _exchange = exchange,
        _limits = options.limits,
        _deadline = options.deadline,
        _max_body = options.max_body,
        _gunzip = false,
        _size = 0,          -- of what was read of the body, decoded
        _rest = "",         -- was read and not taken
        _is_over = false,
        _code = nil, _detail = nil,
    }, metatable)
    local has_gzip = options.asks_gzip and has_body(options.method, head.status)
        and is_gzip(head.fields:get("content-encoding"))
    if has_gzip and not unzip(self) then
        self:close()
        return nil, "full", options.url .. ": too many compressed answers are being read"
    end
    return self
end

--- The value of a header field, or nil; repeated fields are joined.
function methods:header(name)
    return self.headers:get(name)
end

--- The next bytes of the body. Waits for them.
-- @param size at most so many; as many as have come when it is left out
-- @return the bytes; nil at the end of the body; or nil, code, detail
function methods:read(size)
    if size ~= nil and (type(size) ~= "number" or size < 1) then
        error("response:read takes a number of bytes, not " .. tostring(size), 2)
    end
    local bytes, code, detail = self._rest, nil, nil
    self._rest = ""
    if bytes == "" then
        bytes, code, detail = next_piece(self)
    end
    if bytes and size and #bytes > size then
        self._rest = bytes:sub(size + 1)
        bytes = bytes:sub(1, size)
    end
    return bytes, code, detail
end

--- Iterates over the body as it comes: `for chunk in response:chunks() do`. A body that fails
-- raises an error, so that half of it is never taken for the whole.
function methods:chunks()
    return function()
        local bytes, code, detail = self:read()
        if code then
            error(("%s (%s)"):format(detail, code), 2)
        end
        return bytes
    end
end

--- The rest of the body, all of it when nothing was read before. Waits for it; may be called again.
-- @return the bytes; or nil, code, detail
function methods:text()
    if self._text then
        return self._text
    end
    local pieces = {}
    local bytes, code, detail = self:read()
    while bytes do
        pieces[#pieces + 1] = bytes
        bytes, code, detail = self:read()
    end
    if code then
        return nil, code, detail
    end
    self._text = table.concat(pieces)
    return self._text
end

--- The same decoded as JSON, whatever its Content-Type says. null is `json.null`.
-- @return the value; or nil, code, detail: as of `text`, or "invalid"
function methods:json()
    local text, code, detail = self:text()
    if not text then
        return nil, code, detail
    end
    local value
    value, code, detail = json.decode(text)
    if code then
        return nil, code, ("%s: the body is no JSON: %s"):format(self.url, detail or code)
    end
    return value
end

--- The fields behind a chunked body that has come to its end, as Headers; most have none.
function methods:trailers()
    if not self._exchange.is_over then
        error("trailers come behind the body: read it first", 2)
    end
    return self._exchange.failure and headers.new()
        or trailers.parse(self._exchange:trailer_lines())
end

--- Gives up what was not read of the body, and with it the connection. After the end of the body
-- it does nothing.
function methods:close()
    if not self._is_over then
        finish(self, "closed", "the response was closed")
    end
end

--- Gives up a body that nobody wants; a short one is read, so that its connection goes on.
function incoming_response.discard(response)
    local total = 0
    local bytes = response._gunzip and "" or next_piece(response)
    while bytes and bytes ~= "" and total < MOST_DISCARDED do
        total = total + #bytes
        bytes = next_piece(response)
    end
    response:close()
end

return incoming_response
