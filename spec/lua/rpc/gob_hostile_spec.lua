-- What a stranger may send: each ends with a code, and costs neither the isolate nor much memory.
local gob = require "perigee.rpc.gob"
local types = require "perigee.rpc.types"
local hex = require "spec.support.hex"

local ARGS = "ff83 03 01 01 04 41726773 01 ff84 00 01 02 01 01 41 01 04 00 01 01 42 01 04 00 00 00"
local LIST = "ff81 02 01 02 ff82 00 01 ff82 00 00" -- a list of itself
local INTS = "ff81 02 01 02 ff82 00 01 04 00 00"
local EMPTY_STRUCTS = "ff83 02 01 02 ff84 00 01 ff82 00 00"
local EMPTY_STRUCT = "ff81 03 01 02 ff82 00 00 00"

local function assert_failure(code, value, found_code, detail)
    assert.is_nil(value)
    assert.equal(code, found_code)
    assert.is_string(detail)
end

local function define(...)
    local decoder = gob.decoder()
    for _, text in ipairs({ ... }) do
        assert(decoder:define(hex.decode(text)))
    end
    return decoder
end

-- An unsigned integer as gob writes it.
local function uint(value)
    return value < 128 and string.char(value)
        or string.char(254, math.floor(value / 256), value % 256)
end

describe("perigee.rpc.gob, hostile:", function()
    describe("a value that is", function()
        for name, case in pairs({
            ["nothing"] = { "" },
            ["a type only"] = { "04" },
            ["cut in its type"] = { "ff" },
            ["cut in an integer"] = { "04 00 f8ff" },
            ["cut in a float"] = { "08 00 f8ff" },
            ["cut in a length"] = { "0c 00 fe" },
            ["a string longer than the message"] = { "0c 00 05 6869" },
            ["a string of 2^64 bytes"] = { "0c 00 f8ffffffffffffffff" },
            ["a string of 2^63 bytes"] = { "0c 00 f88000000000000000" },
            ["an integer with a prefix that is none"] = { "04 00 80" },
            ["an integer with another prefix that is none"] = { "04 00 f7" },
            ["a definition"] = { "ff83 00" },
            ["of an unknown type"] = { "ff84 00" },
            ["of a reserved type"] = { "20 00 00" },
            ["of a type beyond 2^53"] = { "f8fffffffffffffffe 00" },
            ["of type 0"] = { "00 00 00" },
            ["no struct, but with a delta"] = { "04 01 0a" },
            ["a struct without its end"] = { "ff84 01 14", ARGS },
            ["a struct with a field too many"] = { "ff84 03 14 00", ARGS },
            ["a struct with a delta of 2^63"] = { "ff84 f88000000000000000 14 00", ARGS },
            ["a struct with a delta of 2^64-1"] = { "ff84 01 14 f8ffffffffffffffff 14 00", ARGS },
            ["a list of more elements than bytes"] = { "ff82 00 05 00", INTS },
            ["a list of 2^64 elements"] = { "ff82 00 f8ffffffffffffffff 00", INTS },
            ["a map of more entries than bytes"] = { "ff82 00 02 02 02",
                "ff81 04 01 02 ff82 00 01 04 01 04 00 00" },
            ["a map with the key NaN"] = { "ff82 00 01 f8010000000000f87f 02",
                "ff81 04 01 02 ff82 00 01 08 01 04 00 00" },
            ["a map with the key nil"] = { "ff82 00 01 00 02",
                "ff81 04 01 02 ff82 00 01 10 01 04 00 00" },
            ["an array of another length"] = { "ff82 00 02 02 02",
                "ff81 01 01 02 ff82 00 01 04 01 06 00 00" },
            ["an array of a negative length"] = { "ff82 00 02 02 02",
                "ff81 01 01 02 ff82 00 01 04 01 05 00 00" },
            ["of a type whose element is not defined"] = { "ff82 00 01 00",
                "ff81 02 01 02 ff82 00 01 ff90 00 00" },
            ["an interface with a name that goes on"] = { "10 00 fe0400 61" },
            ["an interface with a long name"] = { "10 00 fe0401" .. ("61"):rep(1025) },
            ["an interface of an unknown type"] = { "10 00 01 61 ff90 02 00 02" },
            ["an interface without a value"] = { "10 00 01 61 04" },
        }) do
            it(name, function()
                local decoder = define(case[2])
                assert_failure("malformed", decoder:value(hex.decode(case[1])))
            end)
        end
    end)

    describe("a value in pieces", function()
        local EMPTY = "ff81 03 01 01 04 4974656d 01 ff82 00 00 00"
        local BEGINNING = "10 00 09 6d61696e2e4974656d " .. EMPTY

        it("where there must be one piece", function()
            assert_failure("malformed", gob.decoder():value(hex.decode(BEGINNING)))
        end)

        for name, case in pairs({
            ["of which the second is wrong"] = { BEGINNING, "ff82 01 01" },
            ["that goes on with a type nobody defined"] = { BEGINNING, "ff84 01 00" },
            ["that defines a type twice"] = { BEGINNING, EMPTY },
            ["with half a definition"] = { "10 00 01 61 ff81 03 01 01 04 49" },
            ["with a size of nothing behind a definition"] = { BEGINNING .. "f0" },
        }) do
            it(name, function()
                local decoder = gob.decoder()
                for i = 1, #case - 1 do
                    assert_failure("incomplete", decoder:piece(hex.decode(case[i])))
                    assert.is_true(decoder:is_incomplete())
                end
                assert_failure("malformed", decoder:piece(hex.decode(case[#case])))
                assert.is_false(decoder:is_incomplete())
            end)
        end

        local function feed(decoder, text, count)
            local code
            for _ = 1, count do
                _, code = decoder:piece(hex.decode(text))
                if code ~= "incomplete" then
                    break
                end
            end
            return code
        end

        it("without end", function()
            local decoder = define "ff81 02 01 02 ff82 00 01 10 00 00"
            assert_failure("incomplete", decoder:piece(hex.decode "ff82 00 feffff 01 61"))
            assert.equal("too_large", feed(decoder, "04 02 00 02 01 61", 10000))
            decoder = define "ff81 02 01 02 ff82 00 01 10 00 00"
            assert_failure("incomplete", decoder:piece(hex.decode "ff82 00 feffff 01 61"))
            assert.equal("too_large", feed(decoder, "0c fd080002 00 fd080000"
                .. ("61"):rep(0x80000) .. "01 61", 10))
        end)
    end)

    describe("a definition that", function()
        for name, text in pairs({
            ["is nothing"] = "", ["is cut"] = "ff83 03 01 01 04 41",
            ["is a value"] = "ff84 00", ["has a reserved number"] = "7d 02 01 02 7e 00 01 04 00 00",
            ["defines nothing"] = "ff81 00", ["defines two things"] =
            "ff81 02 01 02 ff82 00 01 04 00 01 01 02 ff82 00 00 00",
            ["has bytes behind it"] = INTS .. "00",
            ["has a field that definitions lack"] = "ff81 08 00",
            ["is the number 0"] = "00",
        }) do
            it(name, function()
                assert_failure("malformed", gob.decoder():define(hex.decode(text)))
            end)
        end

        it("comes a second time", function()
            assert_failure("malformed", define(INTS):define(hex.decode(INTS)))
        end)

        it("is one too many", function()
            local decoder = gob.decoder()
            for i = 64, 1063 do
                assert(decoder:define(hex.decode("fe") .. string.char(
                    math.floor((2 * i - 1) / 256), (2 * i - 1) % 256)
                    .. hex.decode "02 01 02 ff82 00 01 04 00 00"))
            end
            assert_failure("too_large", decoder:define(hex.decode(
                "fe1fff 02 01 02 ff82 00 01 04 00 00")))
        end)

        it("has too many fields", function()
            assert_failure("too_large", gob.decoder():define(hex.decode "ff81 03 02" .. uint(1001)
                .. ("\0"):rep(1001) .. "\0\0"))
        end)

        it("has more bytes than all definitions may", function()
            assert_failure("too_large", gob.decoder():define(("\0"):rep(1024 * 1024 + 1)))
        end)
    end)

    it("lists in lists to any depth", function()
        assert_failure("too_large", define(LIST):value(hex.decode "ff82 00" .. ("\1"):rep(100000)))
        assert.is_table(define(LIST):value(hex.decode "ff82 00" .. ("\1"):rep(200) .. "\0"))
    end)

    it("interfaces in interfaces to any depth", function()
        local value = ("\1a\16\1\0"):rep(100000)
        assert_failure("too_large", gob.decoder():value("\16\0" .. value))
    end)

    it("more values than a message may have", function()
        local decoder = define(INTS)
        local function list(count)
            return hex.decode "ff82 00 fd" .. string.char(math.floor(count / 65536),
                math.floor(count / 256) % 256, count % 256) .. ("\2"):rep(count)
        end
        assert.equal(999999, #assert(decoder:value(list(999999))))
        assert_failure("too_large", decoder:value(list(1000000)))
    end)

    it("a table for each byte", function()
        local decoder = define(EMPTY_STRUCT, EMPTY_STRUCTS)
        assert_failure("too_large", decoder:value(
            hex.decode "ff84 00 fd0fffff" .. ("\0"):rep(1048575)))
    end)

    it("many fields for each byte", function()
        local fields = {}
        for i = 1, 1000 do
            fields[i] = { "F" .. i, "int" }
        end
        local encoder, decoder = gob.compile(assert(types.parse({ "[]", fields }))), gob.decoder()
        for _, body in ipairs(encoder:define({ 65, 66 })) do
            assert(decoder:define(body))
        end
        assert.equal(900, #assert(decoder:value(hex.decode "ff82 00" .. uint(900)
            .. ("\0"):rep(900))))
        assert_failure("too_large", decoder:value(hex.decode "ff82 00" .. uint(1100)
            .. ("\0"):rep(1100)))
    end)

    it("every cut of a message, and every byte of it changed", function()
        local encoder = gob.compile(assert(types.parse {
            { "I", "int" }, { "F", "float64" }, { "S", "string" }, { "L", "[]any" },
            { "M", "map[string]int" }, { "T", "time" }, { "P", "[2]bool" },
        }))
        local numbers = { 65, 66, 67, 68, 69 }
        local decoder = gob.decoder()
        local definitions = encoder:define(numbers)
        for _, body in ipairs(definitions) do
            assert(decoder:define(body))
        end
        local body = assert(encoder:encode({ I = 2 ^ 40, F = 0.1, S = "text", L = { 1, "x", true },
            M = { a = 1 }, T = 5, P = { true, false } }, numbers))
        for size = 0, #body - 1 do
            assert_failure("malformed", decoder:value(body:sub(1, size)))
        end
        local function each_change(bytes, try)
            for i = 1, #bytes do
                for octet = 0, 255 do
                    try(bytes:sub(1, i - 1) .. string.char(octet) .. bytes:sub(i + 1))
                end
            end
        end
        each_change(body, function(changed)
            local _, code = decoder:value(changed)
            assert.is_true(code == nil or code == "malformed" or code == "too_large")
        end)
        each_change(definitions[1], function(changed)
            local other = gob.decoder()
            if other:define(changed) then
                other:value(body)
            end
        end)
        assert.equal(2 ^ 40, decoder:value(body).I)
    end)

    it("definitions of many kinds, one connection after another", function()
        for i = 1, 2000 do
            local decoder = define("ff81 03 01 02 ff82 00 01 01 01 03 "
                .. hex.encode(("%03x"):format(i)) .. " 01 04 00 00 00")
            local _, value = next(decoder:value(hex.decode "ff82 01 02 00"))
            assert.equal(1, value)
        end
    end)
end)
