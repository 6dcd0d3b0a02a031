local gob = require "perigee.rpc.gob"
local json = require "perigee.json"
local types = require "perigee.rpc.types"
local hex = require "spec.support.hex"

-- The type numbers that Go would give, from 65 up.
local function numbers_for(encoder)
    local numbers = {}
    for i = 1, encoder.definition_count do
        numbers[i] = 64 + i
    end
    return numbers
end

local function encoder_of(notation)
    local encoder = gob.compile(assert(types.parse(notation)))
    return encoder, numbers_for(encoder)
end

local function encode(notation, value)
    local encoder, numbers = encoder_of(notation)
    local body, code, message = encoder:encode(value, numbers)
    return body and hex.encode(body), code, message
end

local function decoder_with(...)
    local decoder = gob.decoder()
    for _, definition in ipairs({ ... }) do
        assert(decoder:define(hex.decode(definition)))
    end
    return decoder
end

local function decode(text, ...)
    return decoder_with(...):value(hex.decode(text))
end

local function digits(text)
    return (text:gsub("%s+", ""))
end

local MAX = 9223372036854775807LL
local MIN = -MAX - 1
local MAX_UNSIGNED = 18446744073709551615ULL

describe("perigee.rpc.gob", function()
    describe("knows the bytes of Go for", function()
        local scalars = {
            { "bool", true, "02 00 01" }, { "bool", false, "02 00 00" },
            { "int", 0, "04 00 00" }, { "int", -1, "04 00 01" }, { "int", 15, "04 00 1e" },
            { "int", 63, "04 00 7e" }, { "int", 64, "04 00 ff80" }, { "int", -65, "04 00 ff81" },
            { "int", 128, "04 00 fe0100" }, { "int", 2 ^ 20, "04 00 fd200000" },
            { "int", MAX, "04 00 f8fffffffffffffffe" }, { "int", MIN, "04 00 f8ffffffffffffffff" },
            { "uint", 127, "06 00 7f" }, { "uint", 256, "06 00 fe0100" },
            { "uint", MAX_UNSIGNED, "06 00 f8ffffffffffffffff" },
            { "float64", 0, "08 00 00" }, { "float64", 1, "08 00 fef03f" },
            { "float64", 17, "08 00 fe3140" }, { "float64", 0.25, "08 00 fed03f" },
            { "float64", -0.0, "08 00 ff80" }, { "float64", 0.1, "08 00 f89a9999999999b93f" },
            { "float64", 1 / 0, "08 00 fef07f" },
            { "string", "hi", "0c 00 02 6869" }, { "string", "", "0c 00 00" },
            { "bytes", "\1\2", "0a 00 02 0102" },
            { "complex128", { real = 1, imag = 2 }, "0e 00 fef03f 40" },
            { "string", ("x"):rep(300), "0c 00 fe012c" .. ("78"):rep(300) },
            { "any", 5, "10 00 03 696e74 04 02 00 0a" },
        }
        for _, case in ipairs(scalars) do
            local notation, value, bytes = unpack(case)
            it(("%s %s"):format(notation, bytes:sub(1, 30)), function()
                assert.equal(digits(bytes), encode(notation, value))
                local decoded = decode(bytes)
                assert.same(value, decoded)
                assert.equal(type(value), type(decoded))
            end)
        end

        it("NaN", function()
            assert.equal("0800f8010000000000f87f", encode("float64", 0 / 0))
            local value = decode "08 00 f8010000000000f87f"
            assert.is_true(value ~= value)
        end)

        it("minus zero, which is kept", function()
            assert.equal(-1 / 0, 1 / decode "08 00 ff80")
        end)

        -- The type, its definitions, and values with their bytes.
        local composites = {
            { { name = "Args", { "A", "int" }, { "B", "int" } },
                { [[ff83 03 01 01 04 41726773 01 ff84 00 01 02
                    01 01 41 01 04 00 01 01 42 01 04 00 00 00]] },
                { { A = 10, B = 5 }, "ff84 01 14 01 0a 00" },
                { { A = 0, B = 7 }, "ff84 02 0e 00" },
                { { A = 0, B = 0 }, "ff84 00" }, first = 66 },
            { { name = "Order", { "ID", "int" }, { "Note", "string" }, { "Total", "float64" },
                { "Tags", "[]string" }, { "Paid", "bool" } },
                { [[ff81 03 01 01 05 4f72646572 01 ff82 00 01 05
                    01 02 4944 01 04 00 01 04 4e6f7465 01 0c 00 01 05 546f74616c 01 08 00
                    01 04 54616773 01 ff84 00 01 04 50616964 01 02 00 00 00]],
                    "ff83 02 01 02 ff84 00 01 0c 00 00" },
                { { ID = 7, Note = "hi", Total = 12.5, Tags = { "a" }, Paid = true },
                    "ff82 01 0e 01 02 6869 01 fe2940 01 01 01 61 01 01 00" },
                { { ID = 0, Note = "", Total = 0, Tags = {}, Paid = true }, "ff82 05 01 00" },
                { { ID = 0, Note = "", Total = 0, Tags = {}, Paid = false }, "ff82 00" } },
            { "[]int", { "ff81 02 01 02 ff82 00 01 04 00 00" },
                { { 3, -1, 0 }, "ff82 00 03 06 01 00" }, { {}, "ff82 00 00" } },
            { { "[]", { name = "Item", { "SKU", "string" }, { "Count", "uint" } } },
                { "ff81 02 01 02 ff82 00 01 ff84 00 00",
                    [[ff83 03 01 01 04 4974656d 01 ff84 00 01 02
                        01 03 534b55 01 0c 00 01 05 436f756e74 01 06 00 00 00]] },
                { { { SKU = "x", Count = 2 }, { SKU = "", Count = 0 } },
                    "ff82 00 02 01 01 78 01 02 00 00" } },
            { "map[string]int", { "ff81 04 01 02 ff82 00 01 0c 01 04 00 00" },
                { { a = 2 }, "ff82 00 01 01 61 04" }, { {}, "ff82 00 00" } },
            { "[][]float64",
                { "ff81 02 01 02 ff82 00 01 ff84 00 00", "ff83 02 01 02 ff84 00 01 08 00 00" },
                { { { 1, 0 }, {} }, "ff82 00 02 02 fef03f 00 00" } },
            { "[3]int", { "ff81 01 01 02 ff82 00 01 04 01 06 00 00" },
                { { 1, 0, -1 }, "ff82 00 03 02 00 01" } },
            { { name = "Node", { "Label", "string" }, { "Below", "[]*Node" } },
                { [[ff81 03 01 01 04 4e6f6465 01 ff82 00 01 02
                    01 05 4c6162656c 01 0c 00 01 05 42656c6f77 01 ff84 00 00 00]],
                    "ff83 02 01 02 ff84 00 01 ff82 00 00" },
                { { Label = "a", Below = { { Label = "b", Below = {} } } },
                    "ff82 01 01 61 01 01 01 01 62 00 00" } },
            { "time", { "ff81 05 01 01 04 54696d65 01 ff82 00 00 00" },
                { { seconds = 1700000000, nanoseconds = 123456789, offset = 19800 },
                    "ff82 00 0f 01 0000000edce5e800 075bcd15 014a" },
                { { seconds = 0, nanoseconds = 0 },
                    "ff82 00 0f 01 0000000e7791f700 00000000 ffff" },
                { { seconds = 0, nanoseconds = 5, offset = 3723 },
                    "ff82 00 10 02 0000000e7791f700 00000005 003e 03" } },
            { "[]any", { "ff81 02 01 02 ff82 00 01 10 00 00" },
                { { 1, json.null, "s" },
                    "ff82 00 03 03 696e74 04 02 00 02 00 06 737472696e67 0c 03 00 01 73" } },
        }
        for _, case in ipairs(composites) do
            local encoder = gob.compile(assert(types.parse(case[1])))
            local description = types.describe(encoder.declared)
            local numbers = {}
            for i = 1, encoder.definition_count do
                numbers[i] = (case.first or 65) + i - 1
            end

            it(description .. ", its definitions", function()
                local bodies = encoder:define(numbers)
                assert.equal(#case[2], #bodies)
                for i, bytes in ipairs(case[2]) do
                    assert.equal(digits(bytes), hex.encode(bodies[i]))
                end
            end)

            for i = 3, #case do
                local value, bytes = unpack(case[i])
                it(("%s %s"):format(description, bytes), function()
                    assert.equal(digits(bytes), hex.encode(assert(encoder:encode(value, numbers))))
                    assert.same(value, decode(bytes, unpack(case[2])))
                end)
            end
        end
    end)
end)
