--- Reads one response of HTTP/1.x (RFC 9112) from bytes that come in pieces.
-- Pure: bytes go in, a response comes out, and no stream or clock is known here. Strict: nothing is
-- repaired, and an error is the same however the bytes were split.
local body_reader = require "perigee.http.client.body_reader"
local framing = require "perigee.http.client.framing"
local headers = require "perigee.http.headers"
local message_lines = require "perigee.http.client.message_lines"

local MAX_HEAD_SIZE = 64 * 1024 -- interim responses included, and so below
local MAX_FIELDS = 200
local MAX_BODY_SIZE = 64 * 1024 * 1024

local response_methods = {}
local response_metatable = { __index = response_methods }

--- The value of a header field without regard to case, as headers:get gives it; nil when there is
-- none.
function response_methods:header(name)
    return self.fields:get(name)
end

local methods = {}
local metatable = { __index = methods }

local response_reader = {}

local take_status_line

local function begin_body(self)
    local head = self.head
    local kind, size, detail = framing.of(self.method, head)
    if not kind then
        return nil, size, detail
    end
    self.is_last = kind == "until_close" or not framing.is_persistent(head)
    local code
    if kind == "sized" then
        self.body, code, detail = body_reader.sized(size, self.max_body)
    else
        self.body = body_reader[kind](self.max_body)
    end
    if not self.body then
        return nil, code, detail
    end
    return true
end

-- An interim response says nothing this client needs; the one that counts comes behind it.
local function skip_interim(self)
    if self.head.status == 101 and self.takes_upgrade then
        self.body = body_reader.sized(0, self.max_body)
        return true
    elseif self.head.status == 101 then
        return nil, "invalid", "the server switched to another protocol"
    elseif framing.announces_body(self.head) then
        return nil, "invalid", "an interim response announces a body"
    end
    self.has_continue = self.has_continue or self.head.status == 100
    self.on_line = take_status_line
    return true
end

local function take_field_line(self, line)
    if line == "" then
        local end_head = self.head.status < 200 and skip_interim or begin_body
        return end_head(self)
    end
    local name, value, detail = self.lines:parse_field(line)
    if not name then
        return nil, value, detail
    end
    local fields = self.head.fields
    fields[#fields + 1] = name
    fields[#fields + 1] = value
    return true
end

-- Many servers leave out the space before a reason that is empty, and nobody can misread that.
function take_status_line(self, line)
    local minor, status, reason = line:match("^HTTP/1%.(%d) ([1-5]%d%d)(.*)$")
    if not minor or not reason:find("^$") and not reason:find("^ [^%z\1-\8\10-\31\127]*$") then
        return nil, "invalid",
            ('the status line "%s" is malformed'):format(message_lines.excerpt(line))
    end
    self.head = {
        minor = tonumber(minor),
        status = tonumber(status),
        reason = reason:sub(2),
        fields = headers.new(),
    }
    self.on_line = take_field_line
    return true
end

--- Makes a reader.
-- @param options {method = of the request, max_body = bytes, 64 MiB by default; max_head = bytes of
-- the head and of interim responses, 64 KiB; takes_upgrade = true where 101 is an answer, behind
-- which `rest` is of the other protocol}
function response_reader.new(options)
    return setmetatable({
        method = options.method,
        max_body = options.max_body or MAX_BODY_SIZE,
        takes_upgrade = options.takes_upgrade or false,
        lines = message_lines.new(options.max_head or MAX_HEAD_SIZE, MAX_FIELDS),
        on_line = take_status_line,
        head = nil, -- {minor, status, reason, fields}
        body = nil, -- a body_reader, once the head is complete
        is_last = true,
        has_begun = false,
        has_continue = false,
        rest = "", -- what came behind the response
    }, metatable)
end

local function feed(self, bytes, position)
    if self.body then
        return self.body:feed(bytes, position)
    end
    return self.lines:feed(bytes, position, self.on_line, self)
end

local function is_complete(self)
    return self.body ~= nil and self.body:is_complete()
end

local function make_response(self, body)
    return setmetatable({
        status = self.head.status,
        reason = self.head.reason,
        fields = self.head.fields,
        body = body,
    }, response_metatable)
end

--- Takes bytes; not to be called again after a response or an error.
-- @return the response when they complete it, {status, reason, fields = Headers, body}; or nil,
-- "again" when more are needed; or nil, code, detail with "invalid" or "too_large"
function methods:push(bytes)
    local position = 1
    self.has_begun = self.has_begun or bytes ~= ""
    while position <= #bytes and not is_complete(self) do
        local behind, code, detail = feed(self, bytes, position)
        if not behind then
            return nil, code, detail
        end
        position = behind
    end
    if not is_complete(self) then
        return nil, "again"
    end
    self.rest = string.sub(bytes, position)
    return make_response(self, self.body:take())
end

--- Says that the connection has ended.
-- @return the response if that is its end too; or nil, "eof", detail
function methods:finish()
    if self.body and self.body:ends_with_connection() then
        return make_response(self, self.body:take())
    end
    local place = self.body and "inside the body" or self.has_begun and "inside the head"
        or "before the response"
    return nil, "eof", "the connection ended " .. place
end

--- The response without its body once its head is complete; nil before.
function methods:head_only()
    return self.body and make_response(self, nil)
end

--- What has come of the body and was not taken before. Its head must be complete.
function methods:take()
    return self.body:take()
end

--- The lines of the fields behind a chunked body that is complete.
function methods:trailer_lines()
    return self.body:trailer_lines()
end

--- True once a byte of the response has come.
function methods:is_begun()
    return self.has_begun
end

--- True once the server has said 100 Continue.
function methods:is_invited()
    return self.has_continue
end

--- True when the connection can take another request after this response: the server says so, and
-- nothing came behind it.
function methods:is_reusable()
    return not self.is_last and self.rest == ""
end

return response_reader
