local json = require "perigee.json"
local types = require "perigee.rpc.types"

local function parse(notation, named)
    return assert(types.parse(notation, named))
end

describe("perigee.rpc.types", function()
    describe("reads and describes", function()
        for _, case in ipairs({
            { "int", "int" }, { "float", "float" }, { "[]int", "[]int" }, { "[3]bool", "[3]bool" },
            { "map[string][]uint8", "map[string][]uint8" }, { "*time", "*time" },
            { " map[ string ] int ", "map[string]int" },
            { { B = "int", A = "string" }, "struct { A string; B int }" },
            { { { "B", "int" }, { "A", "string" } }, "struct { B int; A string }" },
            { { name = "Args", A = "int" }, "Args struct { A int }" },
            { {}, "struct {  }" },
            { { "[]", { A = "int" } }, "[]struct { A int }" },
            { { "map[string][2]*", { A = "int" } }, "map[string][2]*struct { A int }" },
            { { name = "Node", Below = "[]*Node" }, "Node struct { Below []*Node }" },
            { { { "Last", "*Item" }, { "Items", { "[]", { name = "Item", SKU = "string" } } } },
                "struct { Last *Item struct { SKU string }; Items []Item }" },
        }) do
            it(case[2], function()
                assert.equal(case[2], types.describe(parse(case[1])))
            end)
        end

        it("types named elsewhere, which may need each other", function()
            local named = { Order = { Items = "[]Item" }, Item = { In = "*Order" }, Id = "uint64" }
            assert.equal("[]Order struct { Items []Item struct { In *Order } }",
                types.describe(parse("[]Order", named)))
            assert.equal("struct { Id uint64 }", types.describe(parse({ Id = "Id" }, named)))
        end)
    end)

    describe("refuses", function()
        for _, case in ipairs({
            { nil, 'a type is a text such as "int" or a table of fields, got nil' },
            { "integer", 'unknown type "integer"; there are bool, int,' },
            { "[]", '"" is no type' }, { "[x]int", '"[x]int" is no type' },
            { "map[string", '"map[string" lacks the "]" of its map' },
            { "map[any]int", "the keys of a map may be strings, numbers and booleans, not any" },
            { "[9999999]int", "an array may have 1000000 elements, not 9999999" },
            { ("[]"):rep(200) .. "int", "a type is nested deeper than 100" },
            { { name = "int", A = "int" }, "the name of a struct must be a word" },
            { { { "A", "int" }, { "A", "int" } }, "the field A is declared twice" },
            { { { "A", "int" }, B = "int" }, "a struct has a list of fields or named ones" },
            { { ["A B"] = "int" }, "a field's name must be a word, got A B" },
            { { "A", { "B", "int" } }, '"A" is followed by a type' },
            { { "[]" }, 'write { "[]", type }' },
            { { name = "N", X = "N" }, "the struct N contains itself; use *N" },
            { { name = "N", X = "[2]N" }, "the struct N contains itself; use *N" },
            { { A = { name = "N", X = "int" }, B = { name = "N", Y = "int" } },
                "the struct N is declared twice" },
            { { A = 5 }, 'a type is a text such as "int" or a table of fields, got number' },
        }) do
            it(case[2], function()
                local found, problem = types.parse(case[1])
                assert.is_nil(found)
                assert.equal(case[2], problem:sub(1, #case[2]))
            end)
        end

        it("more fields than a struct may have", function()
            local struct = {}
            for i = 1, 1001 do
                struct[i] = { "F" .. i, "int" }
            end
            assert.equal("a struct may have 1000 fields", select(2, types.parse(struct)))
        end)

        it("a table that contains itself", function()
            local notation = {}
            notation.A = { "[]", notation }
            assert.equal("a struct that contains itself needs a name",
                (select(2, types.parse(notation))))
            notation.name = "Node"
            assert.equal("Node struct { A []Node }", types.describe(parse(notation)))
        end)
    end)

    local order = parse { name = "Order", { "ID", "int" }, { "Note", "string" }, { "Paid", "bool" },
        { "Items", { "[]", { name = "Item", { "SKU", "string" }, { "Count", "uint8" } } } },
        { "Where", { X = "float64" } }, { "Next", "*Order" }, { "When", "time" },
        { "Extra", "any" }, { "Pair", "[2]int" }, { "Raw", "bytes" }, { "Z", "complex128" } }

    it("fills in Go's zero values, in what is there and what is not", function()
        local time = { seconds = types.ZERO_TIME_S, nanoseconds = 0 }
        local zero = { ID = 0, Note = "", Paid = false, Items = {}, Where = { X = 0 }, When = time,
            Pair = { 0, 0 }, Raw = "", Z = { real = 0, imag = 0 } }
        assert.same(zero, types.zero(order))
        assert.same(zero, types.complete(order, nil))
        assert.same(zero, types.complete(order, json.null))
        assert.same(zero, types.complete(order, { ID = json.null, Next = json.null }))
        local completed = types.complete(order, { Items = { { SKU = "x" } }, Next = { ID = 3 } })
        assert.same({ { SKU = "x", Count = 0 } }, completed.Items)
        assert.equal("", completed.Next.Note)
        assert.is_nil(completed.Next.Next)
        assert.same({ json.null, 1 }, types.complete(parse "[]*int", { json.null, 1 }))
        assert.same({ {}, { 1 } }, types.complete(parse "[][]int", { json.null, { 1 } }))
    end)

    it("checks what a caller sends, and passes over what it does not know", function()
        assert.is_true(types.check(order, { ID = 1, Unknown = true, Next = json.null }))
        assert.same({ nil, "args.Items[2].Count is out of range for uint8: 256" },
            { types.check(order, { Items = { {}, { Count = 256 } } }) })
        assert.same({ nil, "order.Where must be a table, got 5" },
            { types.check(order, { Where = 5 }, "order") })
        assert.same({ nil, "args must be an Order, got string" }, { types.check(order, "x") })
    end)

    describe("knows the ranges of", function()
        for name, range in pairs({
            int8 = { -128, 127 }, uint8 = { 0, 255 }, byte = { 0, 255 }, int16 = { -32768, 32767 },
            uint16 = { 0, 65535 }, int32 = { -2 ^ 31, 2 ^ 31 - 1 }, uint32 = { 0, 2 ^ 32 - 1 },
        }) do
            it(name, function()
                local wanted = parse(name)
                for _, value in ipairs({ range[1], range[2], 0LL + range[1], 0LL + range[2] }) do
                    assert.is_true(types.check(wanted, value))
                end
                for _, value in ipairs({ range[1] - 1, range[2] + 1, 0LL + range[2] + 1 }) do
                    local is_ok, message = types.check(wanted, value)
                    assert.is_nil(is_ok)
                    assert.matches("^args is out of range for " .. name .. ": ", message)
                end
            end)
        end

        it("int and uint", function()
            local int, uint = parse "int", parse "uint"
            assert.is_true(types.check(int, -9223372036854775807LL - 1))
            assert.is_true(types.check(int, 9223372036854775807ULL))
            assert.is_nil((types.check(int, 9223372036854775808ULL)))
            assert.is_true(types.check(uint, 18446744073709551615ULL))
            assert.is_true(types.check(uint, 5LL))
            assert.is_nil((types.check(uint, -5LL)))
            assert.is_nil((types.check(int, 2i)))
        end)
    end)
end)
