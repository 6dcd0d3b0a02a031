local json = require "perigee.json"

local function detail_of(value, name)
    local text, code, detail = json.try_encode(value, name)
    assert.is_nil(text)
    assert.equal("invalid", code)
    return detail
end

local function nested(depth)
    local value = {}
    for _ = 2, depth do
        value = { value }
    end
    return value
end

describe("perigee.json", function()
    describe("encode", function()
        it("writes scalars", function()
            assert.equal('"text"', json.encode "text")
            assert.equal("true", json.encode(true))
            assert.equal("false", json.encode(false))
            assert.equal("null", json.encode(json.null))
        end)

        it("writes objects and arrays", function()
            assert.equal('{"a":{"b":[1,"x",true]}}', json.encode { a = { b = { 1, "x", true } } })
        end)

        it("writes all members of an object, in any order", function()
            local text = json.encode { a = 1, b = false, c = json.null }
            assert.same({ a = 1, b = false, c = json.null }, json.decode(text))
            assert.equal(#'{"a":1,"b":false,"c":null}', #text)
        end)

        it("writes an empty table as an object unless it is marked", function()
            assert.equal("{}", json.encode {})
            assert.equal("[]", json.encode(json.array()))
            assert.equal("[]", json.encode(json.array {}))
            assert.equal('{"items":[]}', json.encode { items = json.array() })
        end)

        it("does not look at other metatables", function()
            local value = setmetatable({ a = 1 }, { __index = { b = 2 }, __tostring = error,
                __metatable = false })
            assert.equal('{"a":1}', json.encode(value))
        end)

        it("escapes what must be escaped in strings", function()
            assert.equal([["\"\\\b\f\n\r\t\u0000\u0001\u001f"]],
                json.encode '"\\\b\f\n\r\t\0\1\31')
            assert.equal('"/\127é☃\240\159\152\128"', json.encode "/\127é☃\240\159\152\128")
        end)

        it("escapes keys too", function()
            assert.equal([[{"a\"\n":1}]], json.encode { ['a"\n'] = 1 })
        end)

        it("writes many different and long keys", function()
            for i = 1, 2500 do
                assert.equal(('{"key%d":%d}'):format(i, i), json.encode { ["key" .. i] = i })
            end
            assert.equal('{"key1":1}', json.encode { key1 = 1 })
            local long = ("k"):rep(1000)
            assert.equal('{"' .. long .. '":1}', json.encode { [long] = 1 })
        end)

        it("writes integers up to 2^53 in full", function()
            for number, text in pairs {
                [0] = "0", [-1] = "-1", [1e14] = "100000000000000", [1e15] = "1000000000000000",
                [2 ^ 53] = "9007199254740992", [-2 ^ 53] = "-9007199254740992",
                [2 ^ 53 - 1] = "9007199254740991", [1700000000123456] = "1700000000123456",
            } do
                assert.equal(text, json.encode(number))
            end
            assert.equal("0", json.encode(-0))
        end)

        it("writes fractions as short as they can be read back", function()
            for text, number in pairs { ["0.1"] = 0.1, ["-2.5"] = -2.5, ["1.1"] = 1.1,
                ["0.30000000000000004"] = 0.1 + 0.2, ["1e+300"] = 1e300, ["-1e-07"] = -1e-7 } do
                assert.equal(text, json.encode(number))
            end
        end)

        it("never changes a number", function()
            local seed = 1
            for _ = 1, 1000 do
                seed = (seed * 16807) % 2147483647
                local numbers = { seed / 2147483647, seed * 1e6 / 7, -seed * 2 ^ 40, 1 / seed }
                for _, number in ipairs(numbers) do
                    assert.equal(number, tonumber(json.encode(number)))
                end
            end
        end)

        it("writes the few holes of a list as null", function()
            assert.equal("[1,null,3]", json.encode { 1, nil, 3 })
            assert.equal("[null,2]", json.encode { [2] = 2 })
            assert.equal("[1" .. (",null"):rep(8) .. ",10]", json.encode { 1, [10] = 10 })
            assert.equal("[1" .. (",null"):rep(10) .. ",12]", json.encode { 1, [12] = 12 })
            assert.equal("[null,1]", json.encode { json.null, 1 })
        end)

        it("encodes again after a failure", function()
            assert.is_nil(json.try_encode { print })
            assert.equal("[1]", json.encode { 1 })
        end)

        it("writes large values", function()
            local list = {}
            for i = 1, 50000 do
                list[i] = i
            end
            assert.equal("[" .. table.concat(list, ",") .. "]", json.encode(list))
        end)

        it("takes 128 tables inside each other", function()
            assert.equal(("["):rep(127) .. "{}" .. ("]"):rep(127), json.encode(nested(128)))
        end)
    end)

    describe("refuses to encode", function()
        it("functions, naming their path", function()
            assert.equal("response.items[3].callback is a function",
                detail_of({ items = { 1, 2, { callback = print } } }, "response"))
            assert.equal('value["a b"]["1"] is a function',
                detail_of { ["a b"] = { ["1"] = print } })
            assert.equal("value is a function", detail_of(print))
        end)

        it("other things JSON does not have", function()
            assert.equal("value.x is a thread", detail_of { x = coroutine.create(function() end) })
            assert.equal("value.x is a userdata", detail_of { x = io.stdout })
            assert.equal("value is a nil", detail_of(nil))
        end)

        it("NaN and the infinities", function()
            assert.equal("value.x is NaN", detail_of { x = 0 / 0 })
            assert.equal("value[1] is infinite", detail_of { 1 / 0 })
            assert.equal("value is infinite", detail_of(-1 / 0))
        end)

        it("lists with names, and objects with numbers", function()
            assert.equal('value is a list with the key "x"; use string keys only, or none',
                detail_of { 1, 2, x = 3 })
            assert.equal("value.a is a list with the key 0; use string keys only, or none",
                detail_of { a = { [0] = 1, [1] = 2 } })
            assert.equal("value is a list with the key 1.5; use string keys only, or none",
                detail_of { [1.5] = 1 })
            assert.equal("value is a list with the key -1; use string keys only, or none",
                detail_of { [-1] = 1 })
            assert.matches("key true among named ones; use string keys$", detail_of { [true] = 1 })
            assert.matches("use string keys", detail_of { x = 1, [7] = 2 })
            assert.matches('is a list with the key "x"', detail_of(json.array { x = 1 }))
        end)

        it("sparse lists, however large their index is", function()
            assert.equal("value.a is a sparse list (values: 1, last index: 1001); use string keys",
                detail_of { a = { [1001] = "x" } })
            assert.equal("value is a sparse list (values: 2, last index: 13); use string keys",
                detail_of { 1, [13] = 2 })
            assert.equal("value is a sparse list (values: 1, last index: 1e+300); use string keys",
                detail_of { [1e300] = 1 })
        end)

        it("more than 128 tables inside each other, cycles included", function()
            assert.equal("value" .. ("[1]"):rep(26) .. "[1... is nested deeper than 128 tables",
                detail_of(nested(129)))
            local cycle = {}
            cycle.next = cycle
            assert.matches("^value%.next%.next.*%.%.%. is nested deeper than 128 tables$",
                detail_of(cycle))
        end)

        it("in the line of the caller", function()
            local is_fine, message = pcall(function()
                return (json.encode({ x = print }, "answer"))
            end)
            assert.is_false(is_fine)
            assert.matches("json_spec%.lua:%d+: answer%.x is a function$", message)
        end)
    end)

    describe("array", function()
        it("returns the table it marks", function()
            local list = { 1 }
            assert.equal(list, json.array(list))
            assert.equal(list, json.array(list))
        end)

        it("refuses tables that have a metatable", function()
            local is_fine, message = pcall(function()
                return (json.array(setmetatable({}, {})))
            end)
            assert.is_false(is_fine)
            assert.matches("json_spec%.lua:%d+: json.array takes a table without a metatable",
                message)
        end)
    end)

    describe("decode", function()
        it("reads values", function()
            assert.same({ a = { 1, "x", true, json.null } },
                json.decode '{"a": [1, "x", true, null]}')
            assert.equal(json.null, json.decode "null")
            assert.equal("é\0", json.decode [["\u00e9\u0000"]])
            assert.equal(false, json.decode " false ")
        end)

        it("reads numbers exactly", function()
            assert.equal(9007199254740991, json.decode "9007199254740991")
            assert.equal(0.30000000000000004, json.decode "0.30000000000000004")
        end)

        it("reads 128 levels and no more", function()
            assert.is_table(json.decode(("["):rep(128) .. ("]"):rep(128)))
            local value, code, detail = json.decode(("["):rep(129) .. ("]"):rep(129))
            assert.is_nil(value)
            assert.equal("invalid", code)
            assert.equal("Found too many nested data structures (129) at line 1, column 129",
                detail)
        end)

        local malformed = {
            { "", "Expected value but found the end at line 1, column 1" },
            { "{\n  \"a\": tru\n}", "Expected value but found invalid token at line 2, column 8" },
            { "[1,2", "Expected comma or array end but found the end at line 1, column 5" },
            { "[1,]", "Expected value but found ']' at line 1, column 4" },
            { "[1]\n\0[2]", "Expected the end but found a zero byte at line 2, column 1" },
            { '{"a":1,}', "Expected object key string but found '}' at line 1, column 8" },
            { "{1:2}", "Expected object key string but found a number at line 1, column 2" },
            { '{"a" 1}', "Expected colon but found a number at line 1, column 6" },
            { "[1] []", "Expected the end but found '[' at line 1, column 5" },
            { '\n\n"abc', "Expected value but found unexpected end of string at line 3, column 5" },
            { [["\x"]], "Expected value but found invalid escape code at line 1, column 2" },
            { [["\ud800"]],
                "Expected value but found invalid unicode escape code at line 1, column 2" },
            { "01", "Expected value but found invalid number at line 1, column 1" },
            { "0x10", "Expected value but found invalid number at line 1, column 1" },
            { "nan", "Expected value but found invalid token at line 1, column 1" },
            { "\239\187\1911", "Expected value but found invalid token at line 1, column 1" },
        }
        for _, case in ipairs(malformed) do
            it("refuses " .. ("%q"):format(case[1]), function()
                local value, code, detail = json.decode(case[1])
                assert.is_nil(value)
                assert.equal("invalid", code)
                assert.equal(case[2], detail)
            end)
        end

        it("refuses UTF-16", function()
            local value, code, detail = json.decode("\0[\0]")
            assert.is_nil(value)
            assert.equal("invalid", code)
            assert.matches("UTF%-16", detail)
        end)

        it("raises when it is given no string", function()
            local is_fine, message = pcall(function()
                return (json.decode(nil))
            end)
            assert.is_false(is_fine)
            assert.matches("json_spec%.lua:%d+: json.decode takes a string, not nil", message)
        end)

        it("gives back what was encoded", function()
            local value = { text = "\0\31\"\\é", list = { 1, { 2 }, "" },
                deep = { a = { b = {} } },
                number = 1 / 3, truth = false, nothing = json.null }
            assert.same(value, json.decode(json.encode(value)))
        end)
    end)
end)
