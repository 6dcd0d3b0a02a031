--- Decodes what one direction of one gob connection carries.
local definitions = require "perigee.rpc.gob.definitions"
local mismatch = require "perigee.rpc.gob.mismatch"
local reader = require "perigee.rpc.gob.reader"
local scalars = require "perigee.rpc.gob.scalars"

local MAX_DEFINITIONS = 1000
local MAX_DEFINITIONS_SIZE = 1024 * 1024
local MAX_VALUES = 1000000 -- of one message, those of all its tables together
local MAX_PIECES_SIZE = 4 * 1024 * 1024
local MAX_SHARED = 256
local MAX_SHARED_SIZE = 8192

-- What was made for one connection serves others: the clients of one program send the same bytes.
local function new_cache()
    local entries, count = {}, 0
    return function(key, make, ...)
        local found = entries[key]
        if found then
            return found
        end
        found = make(...)
        if #key <= MAX_SHARED_SIZE then
            if count == MAX_SHARED then
                entries, count = {}, 0
            end
            entries[key], count = found, count + 1
        end
        return found
    end
end

local shared_definition = new_cache()
local shared_reader = new_cache()

local sub = string.sub

local Decoder = {}
Decoder.__index = Decoder

local function each_part(definition, visit)
    if definition.kind == "struct" then
        for _, field in ipairs(definition.fields) do
            visit(field.id)
        end
    elseif definition.kind ~= "opaque" then
        visit(definition.element)
        if definition.key then
            visit(definition.key)
        end
    end
end

-- The definitions that values of type `id` need, joined in the order they are met.
local function text_of(id, known)
    local met, pieces, seen = { id }, { tostring(id) }, { [id] = true }
    local i = 1
    while met[i] do
        local definition = known[met[i]]
        if definition then
            pieces[#pieces + 1] = definition.bytes
            each_part(definition, function(part)
                part = tonumber(part)
                if not seen[part] then
                    seen[part], met[#met + 1] = true, part
                end
            end)
        end
        i = i + 1
    end
    return table.concat(pieces)
end

-- Generated readers expect a byte 0 in front of what is no struct, where it stands by itself.
local function resolve(id, known)
    local definition = known[id]
    return {
        is_struct = definition ~= nil and definition.kind == "struct",
        read = shared_reader(text_of(id, known), reader.compile, id, known),
    }
end

--- Reads a value of type `id` that stands by itself; for generated readers.
function Decoder:read(id, bytes, position, depth)
    local found = self.resolved[id]
    if not found then
        found = resolve(id, self.definitions)
        self.resolved[id] = found
    end
    if not found.is_struct then
        local delta
        delta, position = scalars.uint(bytes, position)
        if delta ~= 0 then
            scalars.fail("malformed", "a value that is no struct must begin with 00")
        end
    end
    return found.read(bytes, position, depth, self)
end

local function check_room(self, size)
    if self.definition_count == MAX_DEFINITIONS
        or self.definitions_size + size > MAX_DEFINITIONS_SIZE then
        scalars.fail("too_large", "a connection has defined too many types")
    end
end

local function add(self, definition)
    if self.definitions[definition.id] then
        scalars.fail("malformed", ("the type %d is defined twice"):format(definition.id))
    end
    self.definitions[definition.id] = definition
    self.definition_count = self.definition_count + 1
    self.definitions_size = self.definitions_size + #definition.bytes
    return true
end

local function define(self, bytes)
    check_room(self, #bytes)
    return add(self, shared_definition(bytes, definitions.read, bytes))
end

-- Raised in the middle of a value, which is read again from its beginning: with what was taken out
-- of it, or when the next piece is there.
local AGAIN, INCOMPLETE = "again", "incomplete"

--- For generated readers: Go ends the message where a type must be defined, and the rest follows in
-- others (docs/rpc.md).
function Decoder.await_piece(_, bytes)
    error({ code = INCOMPLETE, bytes = bytes, detail = "a value is cut short" }, 0)
end

--- The same of a definition that begins at `start`. When more follows in this message, its size is
-- in front.
function Decoder:take_out_definition(bytes, start)
    local definition, following = definitions.read_at(bytes, start)
    check_room(self, #definition.bytes)
    add(self, definition)
    if following <= #bytes then
        local _
        _, following = scalars.uint(bytes, following)
    end
    error({ code = AGAIN, bytes = sub(bytes, 1, start - 1) .. sub(bytes, following) }, 0)
end

local function read_value(self, bytes)
    local id, position = scalars.int(bytes, 1)
    if id < 0 then
        scalars.fail("malformed", "a definition stands where a value must")
    end
    return (self:read(id, bytes, position, 0))
end

-- Failures of the bytes are results; others are mistakes of this code.
local function conclude(is_ok, result)
    if is_ok then
        return result
    elseif type(result) ~= "table" then
        error(result, 0)
    end
    return nil, result.code, result.detail, result.bytes
end

--- Takes a message that defines a type: the body, without its length. Types may come in any order;
-- they are looked up when a value needs them.
-- @return true; or nil, "malformed" or "too_large", detail
function Decoder:define(bytes)
    return conclude(pcall(define, self, bytes))
end

-- How much was read is counted from the value's first piece, however often it is read again.
local function read_on(self, bytes)
    while true do
        local is_ok, result = pcall(read_value, self, bytes)
        if is_ok or type(result) ~= "table" or result.code ~= AGAIN then
            return conclude(is_ok, result)
        end
        bytes = result.bytes
    end
end

--- Decodes a message with a value: the body, without its length.
-- @return the value, which is nil for an interface that holds nothing; or nil, code, detail, where
-- code is "malformed" or "too_large", and the connection cannot go on
function Decoder:value(bytes)
    self.values_left = self.max_values
    local value, code, detail = read_on(self, bytes)
    return value, code == INCOMPLETE and "malformed" or code, detail
end

--- The same of a value that may come in several messages, as Go sends it when an interface holds a
-- type that is new to the connection: decodes what is there with this message.
-- @return what `value` returns; or nil, "incomplete" when the next message is a piece too
function Decoder:piece(bytes)
    local before = self.pieces
    if before then
        bytes = before .. bytes
    else
        self.values_left = self.max_values
    end
    self.pieces = nil
    if before and #bytes > MAX_PIECES_SIZE then
        return nil, "too_large", "a value in several messages is too large"
    end
    local value, code, detail, rest = read_on(self, bytes)
    if code == INCOMPLETE then
        self.pieces = rest
    end
    return value, code, detail
end

--- Why the value of a message does not fit a declared type, as Go would say it.
-- @param wanted a type of perigee.rpc.types
-- @return the message; nil when Go would decode it
function Decoder:mismatch(wanted, bytes)
    return (mismatch.find(wanted, (scalars.int(bytes, 1)), self.definitions))
end

--- The same of a struct that has no field of the declared one, though the value would fit.
function Decoder:strangers(wanted, bytes)
    local id = scalars.int(bytes, 1)
    if self.acquainted[wanted] == id then
        return nil
    end
    local problem = mismatch.find_strangers(wanted, id, self.definitions)
    self.acquainted[wanted] = not problem and id or nil
    return problem
end

--- Whether the next message is a piece of the value that `piece` has begun.
function Decoder:is_incomplete()
    return self.pieces ~= nil
end

local decoder = {}

--- A decoder for one direction of one connection.
-- @param max_values of one message, those of all its tables together; 1,000,000 by default
function decoder.new(max_values)
    return setmetatable({
        definitions = {}, definition_count = 0, definitions_size = 0,
        resolved = {},
        acquainted = {}, -- declared type -> number of one that has a field of it
        max_values = max_values or MAX_VALUES, values_left = 0,
        pieces = nil, -- of a value that has begun, without definitions
    }, Decoder)
end

return decoder
