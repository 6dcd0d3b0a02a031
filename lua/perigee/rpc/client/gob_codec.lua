--- Go's net/rpc for clients: a header Request{ServiceMethod, Seq} and the argument, answered by
-- Response{ServiceMethod, Seq, Error} and the reply, all values of gob. Pure.
local append = require "perigee.rpc.gob.append"
local failure = require "perigee.rpc.client.failure"
local gob = require "perigee.rpc.gob"
local notation = require "perigee.rpc.client.notation"
local remember = require "perigee.rpc.client.remember"
local scalars = require "perigee.rpc.gob.scalars"
local types = require "perigee.rpc.types"
local buffer = require "string.buffer"

local sub = string.sub

-- The definition of Request, with its length. The types of arguments are numbered behind it.
local REQUEST_TYPE = 65
local REQUEST = "\47\255\129\3\1\1\7Request\1\255\130\0\1\2\1\13ServiceMethod\1\12\0\1\3Seq\1\6"
    .. "\0\0\0"
local REQUEST_PREFIX = "\255\130\1"

-- As many types as a server takes on one connection (docs/rpc.md).
local MAX_TYPES = 1000

local ADVICE = "give its type with the option args"

local uint_text = remember(function(value)
    local out = buffer.new()
    append.small(out, value)
    return out:get()
end)

-- A message with its length.
local function message_of(body)
    return uint_text(#body) .. body
end

-- What stands in front of the number in the header of every call of a method.
local header_prefix = remember(function(method)
    return REQUEST_PREFIX .. uint_text(#method) .. method .. "\1"
end)

local connection_methods = {}
local connection_metatable = { __index = connection_methods }

local codec_methods = {}
local codec_metatable = { __index = codec_methods }

-- Compiled once for a client, whatever connections it has.
local function encoder_of(self, found)
    local text = types.describe(found)
    local encoder = self.encoders[text]
    if not encoder then
        if self.encoder_count == MAX_TYPES then
            self.encoders, self.encoder_count = {}, 0
        end
        encoder = gob.compile(found)
        self.encoders[text], self.encoder_count = encoder, self.encoder_count + 1
    end
    return encoder
end

local function encoder_for(self, args, wanted)
    if wanted then
        local encoder = self.declared[wanted]
        if not encoder then
            encoder = encoder_of(self, wanted)
            self.declared[wanted] = encoder
        end
        return encoder
    end
    local found, _, detail = gob.infer(args, "args", ADVICE)
    if not found then
        return nil, detail
    end
    return encoder_of(self, found)
end

--- The codec of a new connection, where nothing is defined yet.
function codec_methods:open()
    return setmetatable({
        framing = "gob", has_notifications = false, codec = self,
        decoder = gob.decoder(self.max_values),
        header = nil,           -- the Response whose reply is next
        has_request = false,    -- its definition was sent
        numbers = {},           -- encoder -> the numbers of its types here
        is_defined = {},        -- encoder -> whether their definitions were sent
        last_number = REQUEST_TYPE,
        encoder = nil,          -- of the last argument
    }, connection_metatable)
end

local function numbers_of(self, encoder)
    local numbers = self.numbers[encoder]
    if not numbers then
        if self.last_number + encoder.definition_count > REQUEST_TYPE + MAX_TYPES then
            return nil, ("args have more than %d different types on one connection"):format(
                MAX_TYPES)
        end
        numbers = {}
        for i = 1, encoder.definition_count do
            numbers[i] = self.last_number + i
        end
        self.last_number = self.last_number + encoder.definition_count
        self.numbers[encoder] = numbers
    end
    return numbers
end

--- The argument of a call, for `put`, which is to follow at once.
-- @param options { args = type of perigee.rpc.types or nil, ... }
-- @return the body; or nil, "invalid", message
function connection_methods:encode(args, options)
    local wanted = options.args
    if options.positional then
        return nil, "invalid", "gob has one argument; positional is for json and msgpack"
    elseif args == nil and wanted then
        args = types.zero(wanted)
    end
    local encoder, problem = encoder_for(self.codec, args, wanted)
    if not encoder then
        return nil, "invalid", problem
    end
    local numbers
    numbers, problem = numbers_of(self, encoder)
    if not numbers then
        return nil, "too_large", problem
    end
    local body, code, detail = encoder:encode(args, numbers, "args")
    self.encoder = encoder
    return body, code, detail
end

local function put_definitions(self, out)
    local encoder = self.encoder
    if not self.has_request then
        out:put(REQUEST)
        self.has_request = true
    end
    for _, body in ipairs(encoder:define(self.numbers[encoder])) do
        out:put(message_of(body))
    end
    self.is_defined[encoder] = true
end

--- Appends a request.
function connection_methods:put(out, number, method, body)
    if not self.is_defined[self.encoder] then
        put_definitions(self, out)
    end
    local prefix, text = header_prefix(method), uint_text(number)
    out:put(uint_text(#prefix + #text + 1), prefix, text, "\0", uint_text(#body), body)
end

local function take_header(self, body)
    local header, code, detail = self.decoder:value(body)
    if code then
        return nil, detail
    elseif type(header) ~= "table" or not header.Seq then
        return nil, "a header is no Response of net/rpc"
    end
    self.header = header
    return true
end

local function take_reply(self, body, sink)
    local header = self.header
    local problem = header.Error
    self.header = nil
    if problem and problem ~= "" then
        sink:answer_failure(header.Seq, failure.of_text(tostring(problem)))
        return true
    end
    local value, code, detail = self.decoder:piece(body)
    if code == "incomplete" then
        self.header = header
        return true
    elseif code then
        return nil, detail
    end
    sink:answer(header.Seq, value)
    return true
end

local function take_message(self, body, sink)
    if not self.decoder:is_incomplete() and scalars.int(body, 1) < 0 then
        local is_ok, _, detail = self.decoder:define(body)
        return is_ok, detail
    elseif self.header then
        return take_reply(self, body, sink)
    end
    return take_header(self, body)
end

local function read_all(self, bytes, sink)
    local position = 1
    while position <= #bytes do
        local size
        size, position = scalars.uint(bytes, position)
        if size > #bytes - position + 1 then
            scalars.cut_short()
        end
        local is_ok, problem = take_message(self, sub(bytes, position, position + size - 1), sink)
        if not is_ok then
            scalars.fail("malformed", problem)
        end
        position = position + size
    end
end

--- Takes whole messages, and calls sink:answer(number, value), sink:answer_failure(number, {
-- code =, detail = }), or sink:fail(code, detail) when the connection cannot go on.
function connection_methods:read(bytes, sink)
    local is_ok, problem = pcall(read_all, self, bytes, sink)
    if is_ok then
        return
    elseif type(problem) ~= "table" then
        error(problem, 0)
    end
    sink:fail("invalid", problem.detail)
end

return {
    --- The codec of a client.
    -- @param max_values of one message, 1,000,000 by default
    new = function(max_values)
        return setmetatable({
            max_values = max_values,
            framing = "gob", fit = notation.fit,
            encoders = {}, encoder_count = 0,               -- by the text of their type
            declared = setmetatable({}, { __mode = "k" }),  -- type -> encoder
        }, codec_metatable)
    end,
}
