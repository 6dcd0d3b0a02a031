local json = require "perigee.json"
local json_values = require "perigee.rpc.json_values"
local types = require "perigee.rpc.types"

local MAX = 9223372036854775807LL

local function parse(notation)
    return assert(types.parse(notation))
end

describe("perigee.rpc.json_values", function()
    describe("writes and reads", function()
        for _, case in ipairs({
            { "int", 15, "15" }, { "int", -2 ^ 53, "-9007199254740992" },
            { "int", MAX, "9223372036854775807" }, { "int", -MAX - 1, "-9223372036854775808" },
            { "uint64", 18446744073709551615ULL, "18446744073709551615" },
            { "float64", 3, "3" }, { "float64", 0.1, "0.1" }, { "float64", 1e300, "1e+300" },
            { "string", 'a"\n', [["a\"\n"]] }, { "bool", true, "true" },
            { "bytes", "xyz", '"eHl6"' }, { "bytes", "", '""' }, { "bytes", "a", '"YQ=="' },
            { "bytes", "ab", '"YWI="' },
            { "time", { seconds = 1700000000, nanoseconds = 123456789, offset = 19800 },
                '"2023-11-15T03:43:20.123456789+05:30"' },
            { "time", { seconds = 1709164800, nanoseconds = 500000000 },
                '"2024-02-29T00:00:00.5Z"' },
            { "time", { seconds = types.ZERO_TIME_S, nanoseconds = 0 }, '"0001-01-01T00:00:00Z"' },
            { "[2]*int", { json.null, 1 }, "[null,1]" },
            { "[]int", {}, "[]" }, { "[]int", { 1, MAX }, "[1,9223372036854775807]" },
            { "map[string]int", {}, "{}" }, { "map[int]string", { [7] = "x" }, '{"7":"x"}' },
            { "map[bool]int", { [true] = 1 }, '{"true":1}' },
            { "map[int64]bool", { ["9223372036854775807"] = true },
                '{"9223372036854775807":true}' },
            { { { "B", "string" }, { "A", "[2]int" } }, { B = "b", A = { 1, 2 } },
                '{"B":"b","A":[1,2]}' },
            { "any", { 1, { a = "s" } }, '[1,{"a":"s"}]' },
            { { { "P", { "*", { X = "int" } } } }, { P = { X = 1 } }, '{"P":{"X":1}}' },
        }) do
            local wanted = parse(case[1])
            it(types.describe(wanted) .. " " .. case[3], function()
                assert.equal(case[3], json_values.encode(wanted, case[2]))
                assert.same(case[2], json_values.decode(wanted, case[3]))
            end)
        end
    end)

    it("writes the zero values of fields that are absent", function()
        local wanted = parse { { "A", "int" }, { "S", "string" }, { "L", "[]int" },
            { "P", "*int" }, { "T", "time" } }
        assert.equal('{"A":0,"S":"","L":[],"P":null,"T":"0001-01-01T00:00:00Z"}',
            json_values.encode(wanted, {}))
    end)

    it("reads null as the zero value and names without regard to case", function()
        local wanted = parse { { "Name", "string" }, { "Count", "int" }, { "Sub", "*int" } }
        assert.same({ Name = "x", Count = 0, Sub = json.null },
            json_values.decode(wanted, '{"name":"x","COUNT":null,"Sub":null}'))
        assert.same({ Name = "exact" }, json_values.decode(wanted, '{"name":"x","Name":"exact"}'))
        assert.same({}, json_values.decode(wanted, "{}"))
        assert.equal(0, json_values.decode(parse "int", "null"))
    end)

    it("keeps integers of all sizes where nothing is declared", function()
        local text = '{"a":[9007199254740993,-9223372036854775808,18446744073709551615,1.5e3],'
            .. '"i123":"i9007199254740993","s\\"\\\\":1}'
        local value = assert(json_values.decode(nil, text))
        assert.equal("1500", tostring(value.a[4]))
        assert.is_true(value.a[1] == 9007199254740993LL)
        assert.is_true(value.a[2] == -MAX - 1)
        assert.is_true(value.a[3] == 18446744073709551615ULL)
        assert.equal("i9007199254740993", value.i123)
        assert.equal(1, value['s"\\'])
        assert.equal("[9007199254740993,18446744073709551615]",
            json_values.encode(nil, { 9007199254740993LL, 18446744073709551615ULL }))
    end)

    it("reads what is beyond 64 bits as a number", function()
        assert.equal(1e30, json_values.decode(nil, "1" .. ("0"):rep(30)))
        local _, code, message = json_values.decode(parse "uint64", "18446744073709551616")
        assert.equal("invalid", code)
        assert.matches("must be a uint64", message)
    end)

    describe("tells what is wrong with", function()
        for _, case in ipairs({
            { "int", "{", "malformed", "" },
            { "int", "1.5", "invalid", "args must be an int, got 1.5" },
            { "int8", "300", "invalid", "args is out of range for int8: 300" },
            { { A = "int" }, '{"A":"x"}', "invalid", "args.A must be an int, got string" },
            { "bytes", '"?"', "invalid",
                "args must be a string of bytes, got text that is not base64" },
            { "bytes", '"YQ="', "invalid", "args must be a string of bytes, got text" },
            { "time", '"yesterday"', "invalid", "args must be a time" },
            { "time", '"2023-02-29T00:00:00Z"', "invalid", "args must be a time" },
            { "[]int", '{"a":1}', "invalid", 'args must be a list, got a table with the key "a"' },
            { "[]int", "7", "invalid", "args must be a list, got 7" },
        }) do
            it(case[2], function()
                local value, code, message = json_values.decode(parse(case[1]), case[2])
                assert.is_nil(value)
                assert.equal(case[3], code)
                assert.equal(case[4], message:sub(1, #case[4]))
            end)
        end

        for _, case in ipairs({
            { "float64", 0 / 0, "reply holds a number that is NaN, which JSON cannot hold" },
            { "float64", 1 / 0, "reply holds a number that is infinite, which JSON cannot hold" },
            { "complex128", { real = 1, imag = 1 },
                "reply holds a complex number, which JSON cannot hold" },
            { { A = "int" }, { B = 1 }, "reply.B is not declared; the fields are A" },
            { { A = "int" }, { A = 1.5 }, "reply.A must be an int, got 1.5" },
        }) do
            it(case[3], function()
                local text, code, message = json_values.encode(parse(case[1]), case[2])
                assert.is_nil(text)
                assert.equal("invalid", code)
                assert.equal(case[3], message)
            end)
        end
    end)
end)
