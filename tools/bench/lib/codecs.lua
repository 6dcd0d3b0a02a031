-- Run by `perigee test`: nanoseconds to encode and to decode one message, a line each.
local gob = require "perigee.rpc.gob"
local json_values = require "perigee.rpc.json_values"
local msgpack = require "perigee.rpc.msgpack"
local types = require "perigee.rpc.types"

local COUNT = 200000
local BATCH = 2000

local ARGS = { name = "Args", { "A", "int" }, { "B", "int" } }
local ORDER = { name = "Order", { "ID", "int" }, { "Note", "string" }, { "Total", "float64" },
    { "Paid", "bool" }, { "Tags", "[]string" },
    { "Items", { "[]", { name = "Item", { "SKU", "string" }, { "Count", "uint" },
        { "Price", "float64" } } } },
    { "Stock", "map[string]int" } }

local function args(i)
    return { A = i % 1000, B = i % 30 }
end

local function order(i)
    return { ID = i, Note = "to the back door", Total = i / 4, Paid = true,
        Tags = { "new", "gift" },
        Items = { { SKU = "x-1", Count = 2, Price = 9.5 },
            { SKU = "x-2", Count = 1, Price = 0.1 } },
        Stock = { ["x-1"] = 7, ["x-2"] = i % 100 } }
end

local function report(name, seconds)
    print(("ns %s %.1f"):format(name, seconds / COUNT * 1e9))
end

-- Messages are made and read in batches, so that memory stays bounded; values are made outside of
-- what is measured in neither language.
local function measure(name, value_of, encode, decode)
    local encoding, decoding = 0, 0
    for first = 0, COUNT - 1, BATCH do
        local messages = {}
        local started = os.clock()
        for i = 1, BATCH do
            messages[i] = encode(value_of(first + i - 1))
        end
        local encoded = os.clock()
        for i = 1, BATCH do
            assert(decode(messages[i]) ~= nil)
        end
        encoding, decoding = encoding + encoded - started, decoding + os.clock() - encoded
    end
    report(name .. "_encode", encoding)
    report(name .. "_decode", decoding)
end

local function measure_gob(name, notation, value_of)
    local encoder, decoder = gob.compile(assert(types.parse(notation))), gob.decoder()
    local numbers = {}
    for i = 1, encoder.definition_count do
        numbers[i] = 64 + i
    end
    for _, body in ipairs(encoder:define(numbers)) do
        assert(decoder:define(body))
    end
    measure(name, value_of, function(value)
        return assert(encoder:encode(value, numbers))
    end, function(message)
        return decoder:value(message)
    end)
end

local function measure_others(name, notation, value_of)
    local wanted = assert(types.parse(notation))
    measure(name .. "_msgpack", value_of, function(value)
        return assert(msgpack.encode(value, wanted))
    end, msgpack.decode)
    measure(name .. "_json", value_of, function(value)
        return assert(json_values.encode(wanted, value))
    end, function(text)
        return json_values.decode(wanted, text)
    end)
end

measure_gob("args", ARGS, args)
measure_gob("order", ORDER, order)
measure_others("args", ARGS, args)
measure_others("order", ORDER, order)
