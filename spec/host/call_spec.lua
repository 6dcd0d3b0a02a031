--- `perigee call`, from outside: what it prints, and how it ends.
local host = require "spec.support.host"
local program = require "spec.support.program"

local SERVICE = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Divide(args)
    if args.B == 0 then
        return nil, "divide by zero"
    end
    return { Quo = math.floor(args.A / args.B), Rem = args.A % args.B }
end

Calculator.Next = rpc.method {
    doc = "The integer behind this one.",
    args = "int64", reply = "int64",
    fn = function(number)
        return number + 1LL
    end,
}

Calculator.Wrap = rpc.method {
    args = "bytes", reply = { name = "Wrapped", { "Bytes", "bytes" }, { "At", "time" } },
    fn = function(bytes)
        return { Bytes = bytes .. "\0", At = { seconds = 0 } }
    end,
}

function Calculator.Nothing() end

function Calculator.Hang()
    perigee.chan():recv()
end

return { rpc = { Calculator = Calculator, Another = { Name = function() return "x" end } } }
]]

local DESCRIPTION = [[
Calculator.Add()
Calculator.Divide()
Calculator.Hang()
Calculator.Next(int64) int64
    The integer behind this one.
Calculator.Nothing()
Calculator.Wrap(bytes) Wrapped struct { Bytes bytes; At time }
]]

describe("perigee call", function()
    local running

    setup(function()
        running = host.start({ services = { ["calculator.lua"] = SERVICE } })
    end)

    teardown(host.stop_all)

    local function call(...)
        return program.run({ "call", ... }, { environment = { PERIGEE_ADMIN = running.admin } })
    end

    local function assert_fails(status, message, ...)
        local found, output, log = call(...)
        assert.equal("", output)
        assert.matches(message, log)
        assert.equal(status, found)
    end

    for _, codec in ipairs({ "json", "jsonrpc", "msgpack", "gob" }) do
        describe("with the codec " .. codec, function()
            local function assert_prints(expected, ...)
                local status, output, log = call("--codec", codec, ...)
                assert.equal("", log)
                assert.equal(expected, output)
                assert.equal(0, status)
            end

            it("prints the reply as JSON", function()
                assert_prints("15\n", "Calculator.Add", '{"A":10,"B":5}')
                assert_prints("9007199254740994\n", "Calculator.Next", "9007199254740993")
                assert_prints("-9223372036854775807\n", "Calculator.Next", "-9223372036854775808")
                assert_prints('"x"\n', "Another.Name", "0")
            end)

            it("tells the service's error", function()
                assert_fails(1, "^perigee: Calculator%.Divide: divide by zero\n$", "--codec", codec,
                    "Calculator.Divide", '{"A":1,"B":0}')
                assert_fails(1, "^perigee: Calculator%.Sub: ", "--codec", codec, "Calculator.Sub",
                    "1")
                assert_fails(1, codec == "gob" and "decoding into local type %*int64"
                    or "args must be", "--codec", codec, "Calculator.Next", '"x"')
            end)

            it("describes what there is", function()
                assert_prints(DESCRIPTION, "--describe", "Calculator")
                assert_prints("Another.Name()\n" .. DESCRIPTION, "--describe")
                assert_fails(1, "rpc: can't find service Nobody", "--codec", codec, "--describe",
                    "Nobody")
            end)
        end)
    end

    it("speaks JSON unless told otherwise, so that declared types have their JSON form", function()
        local status, output = call("Calculator.Wrap", '"AQI="')
        assert.equal(0, status)
        assert.matches('"Bytes":"AQIA"', output, 1, true)
        assert.matches('"At":"1970-01-01T00:00:00Z"', output, 1, true)
    end)

    it("prints null for no reply, and needs no argument", function()
        local status, output = call("Calculator.Nothing")
        assert.equal("null\n", output)
        assert.equal(0, status)
    end)

    it("tells which name is wrong where JSON-RPC 2.0 has one message for all", function()
        assert_fails(1, "Method not found: rpc: can't find method Calculator%.Sub\n$",
            "Calculator.Sub")
        assert_fails(1, "Method not found: rpc: can't find service Nobody%.Sub\n$", "Nobody.Sub")
    end)

    it("tells over gob what kind of type came, though it has no name", function()
        assert_fails(1, "received remote type slice\n$", "--codec", "gob", "Calculator.Next",
            '["x"]')
    end)

    it("asks for an argument over gob, which cannot send nothing", function()
        for _, argument in ipairs({ "{}", "[]" }) do
            assert_fails(2, "%-%-codec gob needs an argument with something in it", "--codec",
                "gob", "Calculator.Nothing", argument)
        end
        assert_fails(2, "%-%-codec gob needs an argument", "--codec", "gob", "Calculator.Nothing")
    end)

    it("gives up in time", function()
        assert_fails(1, "Calculator%.Hang: ", "--timeout", "50ms", "Calculator.Hang")
    end)

    it("calls the server it is told", function()
        local status, output = program.run({ "call", "--addr", running.rpc, "Calculator.Add",
            '{"A":1,"B":2}' }, { environment = { PERIGEE_ADMIN = "127.0.0.1:1" } })
        assert.equal("3\n", output)
        assert.equal(0, status)
        assert_fails(1, "cannot connect to tcp://127.0.0.1:1: refused", "--addr", "127.0.0.1:1",
            "Calculator.Add")
    end)

    it("says what is wrong with how it is used", function()
        for message, words in pairs({
            ["usage: perigee call"] = {},
            ["usage: perigee call %[flags%]"] = { "A.B", "1", "2" },
            ["usage: perigee call .*%-%-describe %[Service%]"] = { "--describe", "A", "B" },
            ["'Calculator' is no Service%.Method"] = { "Calculator" },
            ["the argument is no JSON: Expected value"] = { "A.B", "" },
            ["the argument is no JSON: .*line 1, column 2"] = { "A.B", "{A=1}" },
            ["%-%-codec must be one of json, jsonrpc, msgpack, gob, got 'xml'"] = { "--codec",
                "xml", "A.B" },
            ["%-%-addr must be an address"] = { "--addr", "here", "A.B" },
            ["there is no flag %-%-adr: did you mean %-%-addr"] = { "--adr", "x", "A.B" },
        }) do
            assert_fails(2, "^perigee: .*" .. message, unpack(words))
        end
    end)
end)

describe("perigee call without a host", function()
    it("says what it looked for", function()
        local status, output, log = program.run({ "call", "--admin", "127.0.0.1:1", "A.B" })
        assert.equal("", output)
        assert.matches("no answer from 127.0.0.1:1 .*name a server with %-%-addr", log)
        assert.equal(1, status)
    end)

    it("and of one without an RPC port", function()
        local running = host.start({ services = { ["a.lua"] = "return {}" },
            flags = { "--rpc", "off" } })
        local status, _, log = program.run({ "call", "--admin", running.admin, "A.B" })
        assert.matches("the host has no RPC port", log)
        assert.equal(1, status)
        host.stop_all()
    end)
end)
