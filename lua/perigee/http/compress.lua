--- Middleware that compresses answers with gzip for clients that accept it:
-- `app:use(http.compress())`. It stands between the response and its exchange, so that whatever
-- way a handler answers is covered. Answers from files pass by: for those there are compressed
-- files beside them, see perigee.http.files.
local accept_encoding = require "perigee.http.accept_encoding"
local answer = require "perigee.http.answer"
local gzip = require "perigee.core.gzip"
local headers = require "perigee.http.headers"

local compress = {}

local DEFAULT_MIN_SIZE, DEFAULT_LEVEL = 1024, 6

local COMPRESSIBLE = { ["application/javascript"] = true, ["application/json"] = true,
    ["application/wasm"] = true, ["application/xml"] = true, ["application/x-ndjson"] = true,
    ["image/svg+xml"] = true }

-- Answers without a body, with a piece of one, or whose size says something.
local PLAIN_STATUSES = { [204] = true, [205] = true, [206] = true, [304] = true }

local function is_compressible(content_type, own)
    local name = (content_type or ""):match("^[^%s;]*"):lower()
    if own then
        return own[name] == true
    elseif name == "text/event-stream" then
        return false -- it would hold its memory for as long as it lasts
    end
    return COMPRESSIBLE[name] or name:find("^text/") ~= nil or name:find("%+json$") ~= nil
        or name:find("%+xml$") ~= nil
end

-- What must go out as it is, whatever the client likes.
local function is_settled(status, fields)
    local cache_control = fields:get("Cache-Control")
    return PLAIN_STATUSES[status] or fields:get("Content-Encoding") or fields:get("Content-Range")
        or cache_control and cache_control:lower():find("no-transform", 1, true)
end

-- Whether an answer is to be compressed, by its head. `size` is nil while it is not known.
local function is_wanted(self, status, fields, size)
    if is_settled(status, fields) or size == 0 then
        return false
    end
    local is_worth_it = is_compressible(fields:get("Content-Type"), self.options.types)
        and (not size or size >= self.options.min_size)
    local coding = accept_encoding.choose(self.accepted, { "gzip" })
    if is_worth_it then
        answer.vary(fields, "Accept-Encoding")
    end
    -- A client that refuses plain bytes gets none, worth it or not.
    return coding == "gzip" and (is_worth_it
        or accept_encoding.choose(self.accepted, {}) == nil)
end

-- The field lines, changed for what is to be compressed, and a stream of gzip or false.
local function begin(self, status, lines, size)
    local fields = headers.parse(lines)
    local stream = is_wanted(self, status, fields, size) and gzip.open(self.options.level) or false
    if stream then
        fields:set("Content-Encoding", "gzip")
        local tag = fields:get("ETag")
        if tag and tag:sub(1, 2) ~= "W/" then
            fields:set("ETag", "W/" .. tag)
        end
    end
    return fields:text(), stream
end

-- Stands for an exchange of perigee.http.server where answers go; for all else it is that exchange.
local Exchange = {}
local metatable = {
    __index = function(self, key)
        local inner = Exchange[key] or self.exchange[key]
        if Exchange[key] or type(inner) ~= "function" then
            return inner
        end
        return function(_, ...)
            return inner(self.exchange, ...)
        end
    end,
}

function Exchange:respond(status, lines, body)
    local changed, stream = begin(self, status, lines, #body)
    if stream then
        body = stream:write(body, "end")
    end
    return self.exchange:respond(status, changed, body)
end

-- The length that was promised is not that of what is sent, so it is watched here.
function Exchange:start(status, lines, length)
    local changed
    changed, self.stream = begin(self, status, lines, length)
    self.left = length or math.huge
    self.is_sized = length ~= nil
    if self.stream then
        length = nil
    end
    return self.exchange:start(status, changed, length)
end

function Exchange:write(bytes)
    if not self.stream then
        return self.exchange:write(bytes)
    elseif #bytes > self.left then
        return nil, "too_large"
    elseif bytes == "" then
        return self.exchange:write("")
    end
    self.left = self.left - #bytes
    local is_written, code = self.exchange:write(self.stream:write(bytes, "flush"))
    if not is_written then
        self.stream:close()
    end
    return is_written, code
end

function Exchange:finish(trailers)
    local stream = self.stream
    self.stream = false
    if not stream then
        return self.exchange:finish(trailers)
    elseif self.is_sized and self.left > 0 and not self.is_head then
        stream:close()
        self.exchange:cut()
        return nil, "invalid"
    end
    self.exchange:write(stream:write("", "end"))
    return self.exchange:finish(trailers)
end

function Exchange:cut()
    if self.stream then
        self.stream:close()
    end
    self.exchange:cut()
end

local function set_of(list)
    local set = {}
    for _, name in ipairs(list) do
        set[name:lower()] = true
    end
    return set
end

local OPTIONS = { min_size = "number", level = "number", types = "table" }

local function problem_of(options)
    for name, value in pairs(options) do
        if not OPTIONS[name] then
            return ("%s is not an option; there are min_size, level and types"):format(
                tostring(name))
        elseif type(value) ~= OPTIONS[name] then
            return ("the option %s must be a %s, not a %s"):format(name, OPTIONS[name],
                type(value))
        end
    end
    local level = options.level or DEFAULT_LEVEL
    if level % 1 ~= 0 or level < 1 or level > 9 then
        return "the option level must be an integer from 1 to 9, not " .. tostring(level)
    end
    return nil
end

--- Makes the middleware.
-- @param given min_size = bytes below which a whole answer is not compressed (1024), level = 1
-- (fast) to 9 (small) (6), types = the content types to compress, in place of texts and the like
function compress.new(given)
    given = given or {}
    local problem = problem_of(given)
    if problem then
        error("http.compress: " .. problem, 3)
    end
    local options = { min_size = given.min_size or DEFAULT_MIN_SIZE,
        level = given.level or DEFAULT_LEVEL, types = given.types and set_of(given.types) }
    return function(next)
        return function(request, response)
            response._exchange = setmetatable({ exchange = response._exchange, options = options,
                accepted = request:header("accept-encoding"), is_head = request.method == "HEAD",
                stream = false, left = false, is_sized = false }, metatable)
            return next(request, response)
        end
    end
end

return compress
