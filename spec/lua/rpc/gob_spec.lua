local gob = require "perigee.rpc.gob"
local json = require "perigee.json"
local types = require "perigee.rpc.types"
local hex = require "spec.support.hex"
local random_types = require "spec.support.random_types"

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

    it("takes definitions in any order, and looks for them when a value needs them", function()
        local inner = "ff83 02 01 01 08 5b5d737472696e67 01 ff84 00 01 0c 00 00"
        local outer = "ff81 03 01 02 ff82 00 01 01 01 04 54616773 01 ff84 00 00 00"
        for _, order in ipairs({ { inner, outer }, { outer, inner } }) do
            assert.same({ Tags = { "a" } }, decode("ff82 01 01 01 61 00", unpack(order)))
        end
    end)

    it("takes numbers from 64 up, with gaps", function()
        assert.same({ 1 }, decode("ff80 00 01 02", "7f 02 01 02 ff80 00 01 04 00 00"))
        assert.same({ 1 }, decode("fe4000 00 01 02", "fe3fff 02 01 02 fe4000 00 01 04 00 00"))
    end)

    it("reads fields that are zero and yet there, and drops what follows a value", function()
        local args = "ff83 03 01 01 04 41726773 01 ff84 00 01 02"
            .. "01 01 41 01 04 00 01 01 42 01 04 00 00 00"
        assert.same({ A = 0, B = 0 }, decode("ff84 01 00 01 00 00 ffff", args))
        assert.equal(5, decode "04 00 0a ffff")
    end)

    it("takes names of fields for what they are", function()
        local name = '"] = error() --\n'
        local encoded = hex.encode(string.char(#name) .. name)
        assert.same({ [name] = 1 }, decode("ff82 01 02 00",
            "ff81 03 01 02 ff82 00 01 01 01" .. encoded .. "01 04 00 00 00"))
    end)

    it("reads what an interface holds when its type is known", function()
        local decoder = decoder_with("ff81 03 01 01 04 4974656d 01 ff82 00 01 02"
            .. "01 03 534b55 01 0c 00 01 05 436f756e74 01 06 00 00 00")
        assert.same({ SKU = "x", Count = 2 }, decoder:value(hex.decode(
            "10 00 09 6d61696e2e4974656d ff82 06 01 01 78 01 02 00")))
        assert.is_nil(decoder:value(hex.decode "10 00 00"))
    end)

    it("reads values in whose interfaces types are defined, in the pieces Go sends", function()
        local item = "ff83 03 01 01 04 4974656d 01 ff84 00 01 02 01 03 534b55 01 0c 00"
            .. "01 05 436f756e74 01 06 00 00 00"
        local deep = "ff85 03 01 01 04 44656570 01 ff86 00 01 02 01 05 4c6162656c 01 0c 00"
            .. "01 06 496e73696465 01 10 00 00 00"
        local decoder = gob.decoder()
        local function feed(text)
            return decoder:piece(hex.decode(text))
        end
        local function begins(text)
            local value, code = feed(text)
            assert.is_nil(value)
            assert.equal("incomplete", code)
        end
        begins("10 00 09 6d61696e2e44656570" .. deep)
        assert.same({ Label = "d", Inside = { SKU = "y", Count = 2 } },
            feed("ff86 32 01 01 64 01 09 6d61696e2e4974656d" .. item
                .. "0a ff84 06 01 01 79 01 02 00 00"))
        assert.is_false(decoder:is_incomplete())
        -- The second time in one piece; and a name that ends its message.
        assert.same({ SKU = "x", Count = 2 },
            feed "10 00 09 6d61696e2e4974656d ff84 06 01 01 78 01 02 00")
        begins "10 00 01 61"
        begins "ff87 02 01 02 ff88 00 01 10 00 00"
        begins "ff88 04 00 03 03 696e74 04 02 00 0a 01 62"
        begins "ff89 04 01 02 ff8a 00 01 0c 01 04 00 00"
        assert.same({ 5, { k = 5 }, json.null }, feed "ff8a 05 00 01 01 6b 0a 00")
    end)

    it("reads other types with an encoder of their own as bytes", function()
        assert.equal("\1\2",
            decode("ff82 00 02 0102", "ff81 06 01 01 04 55554944 01 ff82 00 00 00"))
    end)

    it("reads keys beyond 2^53 as their digits, and writes them", function()
        local value = { ["9223372036854775807"] = "x" }
        local body = encode("map[int]string", value)
        assert.equal("ff820001f8fffffffffffffffe0178", body)
        assert.same(value, decode(body, "ff81 04 01 02 ff82 00 01 04 01 0c 00 00"))
    end)

    it("writes what Go leaves out and what not", function()
        local box = { name = "Box", { "Host", { name = "Host" } }, { "In", { name = "Inner",
            { "X", "int" } } }, { "P", "*Inner" }, { "Code", "[2]uint16" },
            { "M", "map[string]int" }, { "When", "time" }, { "Any", "any" } }
        assert.equal(digits "ff82 01 00 01 00 02 02 00 00 00", encode(box, {}))
        assert.equal(digits [[ff82 01 00 01 00 01 00 01 02 00 00 01 00
            01 0f 010000000e7791f70000000000ffff 01 03 696e74 04 02 00 0a 00]],
            encode(box, { P = {}, M = {}, When = 0, Any = 5 }))
        assert.equal(digits "ff82 01 00 01 00 02 02 00 00 00",
            encode(box, { When = { seconds = types.ZERO_TIME_S } }))
    end)

    describe("refuses a reply that does not fit:", function()
        local args = { name = "Args", { "A", "int8" }, { "L", "[]string" },
            { "M", "map[int]bool" } }
        local loop = {}
        loop.Next = loop
        for _, case in ipairs({
            { "int", 1.5, "reply must be an int, got 1.5" },
            { "int", "1", "reply must be an int, got string" },
            { "int", nil, "reply is missing; it must be an int" },
            { "int", 0 / 0, "reply must be an int, got nan" },
            { "int", 2 ^ 63, "reply is out of range for int: 9223372036854775808" },
            { "uint", -1, "reply is out of range for uint: -1" },
            { "int8", 128, "reply is out of range for int8: 128" },
            { "int8", -129LL, "reply is out of range for int8: -129" },
            { "uint64", 2 ^ 64, "reply must be a uint64, got 1.844674407371e+19" },
            { "bool", 0, "reply must be a bool, got 0" },
            { "string", 5, "reply must be a string, got 5" },
            { "float64", true, "reply must be a number, got boolean" },
            { "time", "now", "reply must be a time, in seconds since 1970 or "
                .. "{ seconds =, nanoseconds =, offset = }, got string" },
            { "time", 1 / 0, "reply must be a time, in seconds since 1970 or "
                .. "{ seconds =, nanoseconds =, offset = }, got inf" },
            { "[2]int", { 1 }, "reply must have 2 elements, got 1" },
            { "[]int", { 1, "x" }, "reply[2] must be an int, got string" },
            { "[]int", { a = 1 }, 'reply must be a list, got a table with the key "a"' },
            { "[]int", { 1, 2, nil, 4, a = 3 },
                "reply must be a list, got a table with the key" },
            { "[]int", { 1, 2, nil, 4 }, "reply must be a list, got a table with nothing at 3" },
            { "[]int", { [2] = 2 }, "reply must be a list, got a table with the key 2" },
            { "[]int", { [0] = 1, 1 }, "reply must be a list, got a table with the key 0" },
            { "[]int", 7, "reply must be a list, got 7" },
            { "[2]*int", { json.null, json.null }, "reply holds what gob cannot send: nil" },
            { "any", print, "reply holds what gob cannot send: nil where a value must stand, or in "
                .. "an `any` something else than a bool, a number or a string" },
            { args, 5, "reply must be an Args, got 5" },
            { args, { A = 300 }, "reply.A is out of range for int8: 300" },
            { args, { L = { "a", false } }, "reply.L[2] must be a string, got boolean" },
            { args, { M = { x = true } }, 'reply.M has a key that must be an int, got string' },
            { args, { M = { [7] = 1 } }, "reply.M[7] must be a bool, got 1" },
            { args, { B = 1 }, "reply.B is not declared; the fields are A, L, M" },
            { args, { A = 1, L = {}, M = {}, B = 1 },
                "reply.B is not declared; the fields are A, L, M" },
            { { name = "Node", { "Next", "*Node" } }, loop, "reply" .. (".Next"):rep(16)
                .. "... is nested deeper than 100" },
        }) do
            it(case[3]:sub(1, 80), function()
                local body, code, message = encode(case[1], case[2])
                assert.is_nil(body)
                assert.equal("invalid", code)
                assert.equal(case[3], message:sub(1, #case[3]))
            end)
        end

        it("and writes the next one", function()
            local encoder, numbers = encoder_of("[]int")
            assert.is_nil((encoder:encode({ 1, 2, "x" }, numbers)))
            assert.equal("ff82000102", hex.encode(encoder:encode({ 1 }, numbers)))
        end)
    end)

    it("encodes while it encodes, when a value's metatable does", function()
        local encoder, numbers = encoder_of({ name = "Args", { "A", "int" }, { "B", "int" } })
        local value = setmetatable({ A = 1 }, { __index = function(_, key)
            return key == "B" and #assert(encoder:encode({ A = 7, B = 9 }, numbers)) or nil
        end })
        assert.equal("ff820102010e00", hex.encode(assert(encoder:encode(value, numbers))))
    end)

    it("keeps every value of every type", function()
        math.randomseed(5)
        for _ = 1, 300 do
            local wanted = assert(types.parse(random_types.notation(math.random, 4)))
            local encoder = gob.compile(wanted)
            local numbers, decoder = numbers_for(encoder), gob.decoder()
            for _, body in ipairs(encoder:define(numbers)) do
                assert(decoder:define(body))
            end
            for _ = 1, 5 do
                local value = random_types.value(wanted, math.random)
                local decoded = decoder:value(assert(encoder:encode(value, numbers)))
                if not random_types.is_equal(value, decoded) then
                    assert.same(value, decoded)
                end
            end
        end
    end)

    describe("guesses", function()
        for _, case in ipairs({
            { 15, "int" }, { 1.5, "float64" }, { 2 ^ 70, "float64" },
            { 2 ^ 53, "int" }, { 2 ^ 53 + 2, "float64" }, { "x", "string" },
            { true, "bool" }, { MAX, "int" }, { MAX_UNSIGNED, "uint64" },
            { { 1, 2 }, "[]int" }, { { 1, 2.5 }, "[]float64" }, { { 1, "x" }, "[]any" },
            { { { 1 }, { 2 } }, "[][]int" }, { { B = 1, A = "x" }, "struct { A string; B int }" },
            { { a = 1, b = 2 }, "map[string]int" }, { { ["A b"] = true }, "map[string]bool" },
        }) do
            it(case[2], function()
                assert.equal(case[2], types.describe(assert(gob.infer(case[1]))))
            end)
        end

        for message, value in pairs({
            ["an empty table, which may be a list, a map or a struct"] = {},
            ["a function"] = print,
            ["a nil"] = nil,
            ["a table with keys of several kinds"] = { 1, a = 2 },
            ["a table with keys of several kinds "] = { [0] = 1, [2] = 2 },
            ["elements of different types"] = { { 1 }, { "x" } },
        }) do
            message = message:gsub(" $", "")
            it("not " .. message, function()
                local found, code, detail = gob.infer(value)
                assert.is_nil(found)
                assert.equal("undeclared", code)
                assert.equal("reply holds " .. message, detail:sub(1, #message + 12))
            end)
        end
    end)
end)
