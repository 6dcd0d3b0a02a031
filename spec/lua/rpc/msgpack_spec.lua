local json = require "perigee.json"
local msgpack = require "perigee.rpc.msgpack"
local types = require "perigee.rpc.types"
local hex = require "spec.support.hex"

local MAX = 9223372036854775807LL

local function digits(text)
    return (text:gsub("%s+", ""))
end

describe("perigee.rpc.msgpack", function()
    describe("writes and reads", function()
        for _, case in ipairs({
            { "c0", json.null }, { "c2", false }, { "c3", true },
            { "00", 0 }, { "7f", 127 }, { "cc80", 128 }, { "ccff", 255 }, { "cd0100", 256 },
            { "cdffff", 65535 }, { "ce00010000", 65536 }, { "ceffffffff", 2 ^ 32 - 1 },
            { "cf0000000100000000", 2 ^ 32 }, { "cf0020000000000000", 2 ^ 53 },
            { "cf7fffffffffffffff", MAX }, { "cfffffffffffffffff", 18446744073709551615ULL },
            { "ff", -1 }, { "e0", -32 }, { "d0df", -33 }, { "d080", -128 }, { "d1ff7f", -129 },
            { "d18000", -32768 }, { "d2ffff7fff", -32769 }, { "d280000000", -2 ^ 31 },
            { "d3ffffffff7fffffff", -2 ^ 31 - 1 }, { "d38000000000000000", -MAX - 1 },
            { "cb3ff8000000000000", 1.5 }, { "cb8000000000000000", -0.0 },
            { "cb7ff0000000000000", 1 / 0 }, { "cb0000000000000001", 5e-324 },
            { "a0", "" }, { "a26869", "hi" }, { "bf" .. ("78"):rep(31), ("x"):rep(31) },
            { "d920" .. ("78"):rep(32), ("x"):rep(32) },
            { "da0100" .. ("78"):rep(256), ("x"):rep(256) },
            { "db00010000" .. ("78"):rep(65536), ("x"):rep(65536) },
            { "9301c002", { 1, json.null, 2 } }, { "80", {} }, { "81a161 9101", { a = { 1 } } },
            { "8105a178", { [5] = "x" } },
            { "d6ff 00000001", msgpack.timestamp(1, 0) },
            { "d7ff 00000007 ffffffff", msgpack.timestamp(3 * 2 ^ 32 + 2 ^ 32 - 1, 1) },
            { "c70cff 3b9ac9ff ffffffffffffffff", msgpack.timestamp(-1, 999999999) },
            { "d401 61", msgpack.extension(1, "a") },
            { "c703fe 616263", msgpack.extension(-2, "abc") },
        }) do
            local bytes, value = digits(case[1]), case[2]
            it(bytes:sub(1, 30), function()
                assert.equal(bytes, hex.encode(assert(msgpack.encode(value))))
                assert.same(value, msgpack.decode(hex.decode(bytes)))
            end)
        end
    end)

    it("reads what it does not write", function()
        for text, value in pairs({
            ["ca3fc00000"] = 1.5, ["ca00000001"] = 2 ^ -149, ["caff800000"] = -1 / 0,
            ["d37fffffffffffffff"] = MAX, ["cc01"] = 1, ["dc000101"] = { 1 },
            ["dd0000000101"] = { 1 },
            ["de000101c3"] = { true }, ["df0000000101c3"] = { true }, ["c40161"] = "a",
            ["d3ffffffffffffffff"] = -1,
            ["81cfffffffffffffffff01"] = { ["18446744073709551615"] = 1 },
        }) do
            assert.same(value, msgpack.decode(hex.decode(text)))
        end
    end)

    it("writes by a declared type", function()
        local wanted = assert(types.parse {
            { "F", "float64" }, { "B", "bytes" }, { "T", "time" }, { "L", "[]int" },
            { "M", "map[int]any" },
        })
        local value = { F = 4, B = "b", T = 1, L = {}, M = { ["7"] = true } }
        assert.equal("85a146cb4010000000000000a142c40162a154d6ff00000001a14c90a14d8107c3",
            hex.encode(assert(msgpack.encode(value, wanted))))
        local bytes, code, message = msgpack.encode({ F = "x" }, wanted)
        assert.is_nil(bytes)
        assert.equal("invalid", code)
        assert.equal("reply.F must be a number, got string", message)
    end)

    it("takes for a list only what has the keys 1..n", function()
        for _, value in ipairs({ { [2] = false, a = 1 }, { [0] = 1, [2] = 2 }, { 1, nil, 3, a = 4 },
            { [1] = 1, [3] = 3 }, { 1, 2, a = 3 }, { [1.5] = 1 } }) do
            assert.same(value, msgpack.decode(assert(msgpack.encode(value))))
        end
        local reversed = {}
        for i = 10, 1, -1 do
            reversed[i] = i
        end
        assert.equal("9a0102030405060708090a", hex.encode(msgpack.encode(reversed)))
    end)

    it("refuses what it cannot send", function()
        local _, code, message = msgpack.encode({ print })
        assert.equal("invalid", code)
        assert.equal("reply holds a function, which MessagePack cannot send", message)
        local loop = {}
        loop[1] = loop
        _, code, message = msgpack.encode(loop)
        assert.equal("invalid", code)
        assert.matches("nested deeper than 128", message)
    end)

    it("reads one value after another", function()
        local bytes = hex.decode("01 a26869 9101")
        local value, position = msgpack.decode_next(bytes, 1)
        assert.equal(1, value)
        value, position = msgpack.decode_next(bytes, position)
        assert.equal("hi", value)
        value, position = msgpack.decode_next(bytes, position)
        assert.same({ 1 }, value)
        assert.equal(#bytes + 1, position)
    end)

    it("asks for more bytes at every place a value can be cut", function()
        local bytes = assert(msgpack.encode({ "text", 1.5, { a = MAX }, msgpack.timestamp(-1, 1),
            msgpack.extension(5, "abc"), ("x"):rep(300), -40000 }))
        for size = 0, #bytes - 1 do
            local value, code = msgpack.decode_next(bytes:sub(1, size), 1)
            assert.is_nil(value)
            assert.equal("incomplete", code)
        end
        assert.equal(#bytes + 1, select(2, msgpack.decode_next(bytes, 1)))
        local _, code = msgpack.decode(bytes:sub(1, -2))
        assert.equal("malformed", code)
    end)

    describe("ends with a code for", function()
        for name, case in pairs({
            ["a byte that begins nothing"] = { "c1", "malformed" },
            ["bytes behind the value"] = { "0101", "malformed" },
            ["a key that is nil"] = { "81c001", "malformed" },
            ["a key that is a table"] = { "819001", "malformed" },
            ["a key that is NaN"] = { "81cb7ff800000000000001", "malformed" },
            ["nesting without end"] = { ("91"):rep(200) .. "01", "too_large" },
            ["more elements than allowed"] = { "ddffffffff", "too_large" },
        }) do
            it(name, function()
                local value, code, detail = msgpack.decode(hex.decode(case[1]))
                assert.is_nil(value)
                assert.equal(case[2], code)
                assert.is_string(detail)
            end)
        end
    end)
end)
