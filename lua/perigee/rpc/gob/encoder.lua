--- Encodes values of one declared type: the definitions it needs, and messages with values.
local append = require "perigee.rpc.gob.append"
local definitions = require "perigee.rpc.gob.definitions"
local type_check = require "perigee.rpc.type_check"
local types = require "perigee.rpc.types"
local writer = require "perigee.rpc.gob.writer"
local buffer = require "string.buffer"

local Encoder = {}
Encoder.__index = Encoder

local BASIC = { bool = 1, int = 2, uint = 3, float = 4, bytes = 5, string = 6, complex = 7,
    any = 8 }
local MAX_SPARE_SIZE = 65536

-- Taken while in use: a metamethod of a value may encode another.
local spare_buffer

local function take_buffer()
    local out = spare_buffer or buffer.new()
    spare_buffer = nil
    return out:reset()
end

local function give_buffer(out, size)
    if size <= MAX_SPARE_SIZE then
        spare_buffer = out
    end
end

local function add_definition(self, found)
    local text = types.describe(found)
    local place = self.place_of_text[text]
    if not place then
        place = #self.defined + 1
        self.defined[place], self.place_of_text[text] = found, place
    end
    self.places[found] = place
end

-- Gives every type that has no number of its own a place in the list of definitions.
local function collect(self, found)
    found = writer.target(found)
    if BASIC[found.kind] or self.places[found] then
        return
    end
    add_definition(self, found)
    for _, field in ipairs(found.fields or {}) do
        collect(self, field.type)
    end
    if found.key then
        collect(self, found.key)
    end
    if found.element then
        collect(self, found.element)
    end
end

--- The bodies of the messages that define the encoder's types, to be sent once on a connection, in
-- this order and before the first value.
-- @param numbers a number from 64 up for each definition: `definition_count` of them, none used for
-- another type on the connection
function Encoder:define(numbers)
    local function number_of(found)
        found = writer.target(found)
        return BASIC[found.kind] or numbers[self.places[found]]
    end
    local bodies = {}
    for i, found in ipairs(self.defined) do
        bodies[i] = definitions.write(found, numbers[i], number_of)
    end
    return bodies
end

-- What stands in front of a value: its type, and a byte 0 when it is no struct.
local function prefix_of(self, numbers)
    local id = self.basic or numbers[self.places[self.type]]
    local out = buffer.new()
    append.int(out, id, 64)
    return out:get() .. (self.type.kind == "struct" and "" or "\0")
end

-- Why a value was not encoded.
local function explain(self, value, what)
    local is_ok, message = type_check.check_exactly(self.declared, value, what)
    if not is_ok then
        return message
    end
    return what .. " holds what gob cannot send: nil where a value must stand, or in an `any` "
        .. "something else than a bool, a number or a string"
end

--- Encodes one value.
-- @param numbers what `define` was given: the same table each time
-- @param what the name of the value in messages, "reply" by default
-- @return the body of a message, without its length; or nil, "invalid", message
function Encoder:encode(value, numbers, what)
    if self.numbers ~= numbers or not self.prefix then
        self.numbers, self.prefix = numbers, prefix_of(self, numbers)
    end
    local out = take_buffer()
    out:put(self.prefix)
    local is_ok, problem = pcall(self.write, out, value, 0)
    if is_ok then
        local size = #out
        local body = out:get()
        give_buffer(out, size)
        return body
    elseif problem ~= append.MISFIT then
        error(problem, 0)
    end
    return nil, "invalid", explain(self, value, what or "reply")
end

local encoder = {}

--- Compiles an encoder.
-- @param declared a type of perigee.rpc.types
-- @return the encoder, with `definition_count`
function encoder.compile(declared)
    local self = setmetatable({
        declared = declared, type = writer.target(declared),
        defined = {}, place_of_text = {}, places = {},
        write = writer.compile(declared),
        prefix = nil, numbers = nil,
    }, Encoder)
    self.basic = BASIC[self.type.kind]
    collect(self, declared)
    self.definition_count = #self.defined
    return self
end

return encoder
