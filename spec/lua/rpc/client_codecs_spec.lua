--- The codecs of perigee.rpc.client by themselves: requests byte for byte, and whatever a server
-- may answer.
local buffer = require "string.buffer"
local gob_codec = require "perigee.rpc.client.gob_codec"
local hex = require "spec.support.hex"
local json1_codec = require "perigee.rpc.client.json1_codec"
local json_codec = require "perigee.rpc.client.json_codec"
local notation = require "perigee.rpc.client.notation"

local ARGS = notation.check({ args = { { "A", "int" }, { "B", "int" }, name = "Args" } }, 1)
local NONE = notation.check(nil, 1)

local REQUEST = "2f ff81 03 01 01 07 52657175657374 01 ff82 00 01 02 01 0d "
    .. "536572766963654d6574686f64 01 0c 00 01 03 536571 01 06 00 00 00"
local ARGS_DEFINED = "1e ff83 03 01 01 04 41726773 01 ff84 00 01 02 01 01 41 01 04 00 01 01 42 01 "
    .. "04 00 00 00"
local RESPONSE = "3a ff85 03 01 01 08 526573706f6e7365 01 ff86 00 01 03 01 0d "
    .. "536572766963654d6574686f64 01 0c 00 01 03 536571 01 06 00 01 05 4572726f72 01 0c 00 00 00"
local ADD = "0e 43616c63756c61746f722e416464"

-- What a codec says of `bytes`, as text.
local function read(codec, bytes)
    local said = {}
    local sink = {
        answer = function(_, number, value)
            said[#said + 1] = ("%s = %s"):format(tostring(number), tostring(value))
        end,
        answer_failure = function(_, number, failure)
            said[#said + 1] = ("%s: %s: %s"):format(tostring(number), failure.code, failure.detail)
        end,
        fail = function(_, code, detail)
            said[#said + 1] = code .. ": " .. detail
        end,
    }
    codec:read(bytes, sink)
    return table.concat(said, "\n")
end

local function compose(codec, number, method, args, options)
    local out = buffer.new()
    local body = assert(codec:encode(args, options or NONE))
    codec:put(out, number, method, body)
    return out:get()
end

describe("gob", function()
    local codec

    before_each(function()
        codec = gob_codec.new():open()
    end)

    it("is what a client of Go sends", function()
        assert.equal(hex.decode(REQUEST .. ARGS_DEFINED .. "15 ff82 01 " .. ADD
            .. "01 01 00 07 ff84 01 14 01 0a 00"),
            compose(codec, 1, "Calculator.Add", { A = 10, B = 5 }, ARGS))
        assert.equal(hex.decode("17 ff82 01 " .. ADD .. "01 fe0100 00 03 ff84 00"),
            compose(codec, 256, "Calculator.Add", { A = 0, B = 0 }, ARGS))
        assert.equal(hex.decode("15 ff82 01 " .. ADD .. "01 02 00 03 04 00 0a"),
            compose(codec, 2, "Calculator.Add", 5))
    end)

    it("defines types once on each connection", function()
        local of_client = gob_codec.new()
        for _ = 1, 2 do
            codec = of_client:open()
            assert.equal(#hex.decode(REQUEST .. ARGS_DEFINED .. "15 ff82 01 " .. ADD
                .. "01 01 00 07 ff84 01 14 01 0a 00"),
                #compose(codec, 1, "Calculator.Add", { A = 10, B = 5 }, ARGS))
            assert.equal(#hex.decode("15 ff82 01 " .. ADD .. "01 01 00 07 ff84 01 14 01 0a 00"),
                #compose(codec, 1, "Calculator.Add", { A = 10, B = 5 }, ARGS))
        end
    end)

    it("defines nothing for a call that is not sent", function()
        assert.same({ nil, "invalid" }, { (codec:encode("x", ARGS)), (select(2,
            codec:encode("x", ARGS))) })
        assert(codec:encode({ A = 1, B = 2 }, ARGS))
        assert.equal(#hex.decode(REQUEST .. ARGS_DEFINED .. "15 ff82 01 " .. ADD
            .. "01 01 00 07 ff84 01 14 01 0a 00"),
            #compose(codec, 1, "Calculator.Add", { A = 10, B = 5 }, ARGS))
    end)

    it("bounds the types of a connection", function()
        local problem, detail
        for i = 1, 1001 do
            local body, code, text = codec:encode({ ["F" .. i] = 1 }, NONE)
            if not body then
                problem, detail = code, i .. " " .. text
            end
        end
        assert.equal("too_large", problem)
        assert.equal("1001 args have more than 1000 different types on one connection", detail)
    end)

    it("reads answers and errors of Go", function()
        assert.equal("0 = 15", read(codec, hex.decode(RESPONSE .. "13 ff86 01 " .. ADD
            .. "00 03 04 00 1e")))
        assert.equal("1 = 5\n2: failed: sum overflows int32", read(codec, hex.decode(
            "15 ff86 01 " .. ADD .. "01 01 00 03 04 00 0a 2a ff86 01 " .. ADD
            .. "01 02 01 13 73756d206f766572666c6f777320696e743332 00"
            .. "0a ff87 03 01 02 ff88 00 00 00 03 ff88 00")))
    end)

    for name, case in pairs {
        ["a header that is no struct"] = { "03 04 00 1e", "a header is no Response of net/rpc" },
        ["a type that is not defined"] = { "03 ffd0 00", "is not defined" },
        ["a body that is cut short"] = { RESPONSE .. "13 ff86 01 " .. ADD .. "00 03 0c 00 05",
            "past the end of its message" },
        ["a message that is cut short"] = { "7f 04 00", "past the end of its message" },
        ["a type that is defined twice"] = { RESPONSE .. RESPONSE, "is defined twice" },
        ["an integer that is none"] = { "80", "begins with 80" },
    } do
        it("ends the connection: " .. name, function()
            local said = read(codec, hex.decode(case[1]))
            assert.matches("^invalid: ", said)
            assert.matches(case[2], said, 1, true)
        end)
    end
end)

describe("JSON-RPC 1.0", function()
    local codec = json1_codec.new():open()

    it("is what a client of Go sends", function()
        assert.equal('{"method":"Calculator.Add","params":[{"A":10,"B":5}],"id":7}\n',
            compose(codec, 7, "Calculator.Add", { A = 10, B = 5 }, ARGS))
        assert.equal('{"method":"a\\"b","params":[null],"id":7}\n', compose(codec, 7, 'a"b', nil))
        assert.equal('{"method":"A.B","params":[18446744073709551615],"id":1000000}\n',
            compose(codec, 1000000, "A.B", 18446744073709551615ULL))
    end)

    for text, said in pairs {
        ['{"id":0,"result":15,"error":null}'] = "0 = 15",
        ['{"id":1,"result":null}'] = "1 = nil",
        ['{"id":2,"error":"boom","result":1}'] = "2: failed: boom",
        ['{"id":2,"error":{"message":"m"}}'] = "2: failed: m",
        ['{"id":2,"error":"rpc: can\'t find service A.B"}'] =
            "2: not_found: rpc: can't find service A.B",
        ['{"id":3,"result":9007199254740993}'] = "3 = 9007199254740993LL",
        ['{"id":"3","result":1}'] = "invalid: a message is no answer of Go's JSON-RPC",
        ['{"result":1}'] = "invalid: a message is no answer of Go's JSON-RPC",
        ['[]'] = "invalid: a message is no answer of Go's JSON-RPC",
        ['"x"'] = "invalid: a message is no answer of Go's JSON-RPC",
    } do
        it("takes " .. text, function()
            assert.equal(said, read(codec, text))
        end)
    end
end)

describe("JSON-RPC 2.0", function()
    local codec = json_codec.new():open()
    local positional = notation.check({ positional = true }, 1)

    it("sends objects by name, lists by position when that is said", function()
        for text, args in pairs {
            ['{"jsonrpc":"2.0","method":"A.B","params":{"A":1},"id":7}\n'] = { A = 1 },
            ['{"jsonrpc":"2.0","method":"A.B","params":[[1,2]],"id":7}\n'] = { 1, 2 },
            ['{"jsonrpc":"2.0","method":"A.B","params":["x"],"id":7}\n'] = "x",
        } do
            assert.equal(text, compose(codec, 7, "A.B", args))
        end
        assert.equal('{"jsonrpc":"2.0","method":"A.B","id":7}\n', compose(codec, 7, "A.B", nil))
        assert.equal('{"jsonrpc":"2.0","method":"A.B","params":[42,23],"id":7}\n',
            compose(codec, 7, "A.B", { 42, 23 }, positional))
        assert.equal('{"jsonrpc":"2.0","method":"A.B","params":[],"id":7}\n',
            compose(codec, 7, "A.B", {}, positional))
        assert.equal('{"jsonrpc":"2.0","method":"A.B","params":["x"]}\n',
            compose(codec, nil, "A.B", "x"))
    end)

    for text, said in pairs {
        ['{"jsonrpc":"2.0","result":19,"id":1}'] = "1 = 19",
        ['{"jsonrpc":"2.0","result":null,"id":1}'] = "1 = nil",
        ['{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}'] =
            "1: not_found: Method not found",
        ['{"jsonrpc":"2.0","error":{"code":7,"message":"seven","data":[1]},"id":1}'] =
            "1: failed: seven",
        ['{"jsonrpc":"2.0","error":{"code":-32002,"message":"busy"},"id":1}'] =
            "1: unavailable: busy",
        ['{"jsonrpc":"2.0","error":true,"id":1}'] =
            "1: failed: the server answered with an error that has no message",
        ['{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}'] =
            "invalid: the server did not understand: Parse error",
        ['{"id":0,"result":15,"error":null}'] = "invalid: a message is no answer of JSON-RPC 2.0",
        ['{"jsonrpc":"2.0","result":1}'] = "invalid: a message is no answer of JSON-RPC 2.0",
        ['[{"jsonrpc":"2.0","result":19,"id":1}]'] =
            "invalid: a message is no answer of JSON-RPC 2.0",
        ['{"jsonrpc":"2.0","method":"A.B","id":1}'] =
            "invalid: a message is no answer of JSON-RPC 2.0",
    } do
        it("takes " .. text, function()
            assert.equal(said, read(codec, text))
        end)
    end
end)
