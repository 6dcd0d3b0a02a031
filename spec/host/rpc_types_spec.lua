--- What a method declares is what each protocol carries: bytes, times and integers of 64 bits in
-- the form that Go's own packages give them.
local host = require "spec.support.host"
local json = require "perigee.json"
local msgpack = require "perigee.rpc.msgpack"
local stream = require "perigee.core.stream"

local SERVICE = [[
local rpc = require "perigee.rpc"

local Sample = { { "Data", "bytes" }, { "When", "time" }, { "Big", "int64" }, { "Huge", "uint64" },
    { "Name", "string" }, { "Counts", "map[int]int" }, { "Next", "*int" }, name = "Sample" }

local seen
local Types = {}

Types.Echo = rpc.method { args = Sample, reply = Sample, fn = function(args)
    seen = args
    return args
end }

-- What the method saw, in the words of Lua.
function Types.Seen()
    return { data = seen.Data, seconds = seen.When.seconds, big = tostring(seen.Big),
        huge = tostring(seen.Huge), name = seen.Name, seven = seen.Counts[7] or "none",
        next = seen.Next and seen.Next ~= require("perigee.json").null or false }
end

Types.Wrong = rpc.method { reply = "bytes", fn = function()
    return 7
end }

Types.Extra = rpc.method { reply = Sample, fn = function()
    return { Nmae = "x" }
end }

Types.Nothing = rpc.method { reply = "*int", fn = function() end }

function Types.Big()
    return 9007199254740993LL
end

return { rpc = { Types = Types } }
]]

local ARGUMENT = '{"Data":"AAH/","When":"2023-11-14T22:13:20.5+05:30","Big":-9223372036854775808,'
    .. '"Huge":18446744073709551615,"Name":"n","Counts":{"7":70},"Next":3}'
local SEEN = { data = "\0\1\255", seconds = 1699980200, big = "-9223372036854775808LL",
    huge = "18446744073709551615ULL", name = "n", seven = 70, next = true }
local ZEROS = '{"Data":"","When":"0001-01-01T00:00:00Z","Big":0,"Huge":0,"Name":"","Counts":{},'
    .. '"Next":null}'

describe("declared types", function()
    local running

    setup(function()
        running = host.start({ services = { ["types.lua"] = SERVICE } })
    end)

    teardown(host.stop_all)

    local function post(method, body)
        return running:request({ method = "POST", target = "/rpc/Types." .. method, body = body,
            fields = { "Content-Type", "application/json" } })
    end

    local function seen()
        return json.decode(post("Seen", "").body)
    end

    local function say(line)
        local peer = assert(stream.connect(running.rpc))
        peer:write(line .. "\n")
        local text = ""
        while not text:find("\n") do
            text = text .. assert(peer:read())
        end
        peer:close()
        return text
    end

    local forms = {
        ["JSON-RPC 1.0"] = {
            ask = function(method, argument)
                return say(('{"method":"Types.%s","params":[%s],"id":1}'):format(method, argument))
            end,
            success = '{"id":1,"result":%s,"error":null}\n',
            failure = '{"id":1,"result":null,"error":"%s"}\n',
        },
        ["JSON-RPC 2.0"] = {
            ask = function(method, argument)
                return say(('{"jsonrpc":"2.0","method":"Types.%s","params":[%s],"id":1}'):format(
                    method, argument))
            end,
            success = '{"jsonrpc":"2.0","result":%s,"id":1}\n',
            failure = '"message":"%s"',
        },
        ["POST /rpc/Service.Method"] = {
            ask = function(method, argument)
                return post(method, argument).body
            end,
            success = "%s",
            failure = '{"error":"%s"}',
        },
    }

    for name, form in pairs(forms) do
        describe("in " .. name, function()
            local function is_success(expected, method, argument)
                assert.equal(form.success:format(expected), form.ask(method, argument))
            end

            local function is_failure(message, method, argument)
                local answer = form.ask(method, argument)
                assert.is_truthy(answer:find(form.failure:format(message), 1, true), answer)
            end

            it("come and go exactly", function()
                is_success(ARGUMENT, "Echo", ARGUMENT)
                assert.same(SEEN, seen())
            end)

            it("are zero where nothing was said", function()
                is_success(ZEROS, "Echo", "{}")
                is_success(ZEROS, "Echo", "null")
                is_success(ZEROS, "Echo", '{"Data":null,"Big":null,"When":null,"Next":null}')
            end)

            it("have fields without regard to case", function()
                is_success((ZEROS:gsub('"Name":""', '"Name":"x"')), "Echo", '{"NAME":"x"}')
            end)

            it("refuse what does not fit, by its place", function()
                is_failure("args.Data must be a string of bytes, got text that is not base64",
                    "Echo", '{"Data":"%"}')
                is_failure("args.Big is out of range for int64: 9223372036854775808", "Echo",
                    '{"Big":9223372036854775808}')
                is_failure("args.Counts has a key that must be an int, got string", "Echo",
                    '{"Counts":{"x":1}}')
                is_failure("args must be a Sample, got 1", "Echo", "1")
            end)

            it("check what the method returns", function()
                is_failure("reply must be a string of bytes, got 7", "Wrong", "0")
                is_failure("reply.Nmae is not declared; the fields are Data, When, Big, Huge, "
                    .. "Name, Counts, Next", "Extra", "0")
            end)

            it("are not needed for an integer of 64 bits", function()
                is_success("9007199254740993", "Big", "0")
            end)
        end)
    end

    it("can be a pointer to nothing", function()
        assert.equal("null", post("Nothing", "").body)
        assert.equal('{"jsonrpc":"2.0","result":null,"id":1}\n',
            say('{"jsonrpc":"2.0","method":"Types.Nothing","id":1}'))
        -- To Go a null result is no answer.
        assert.equal('{"id":1,"result":true,"error":null}\n',
            say('{"method":"Types.Nothing","params":[0],"id":1}'))
    end)

    it("come and go exactly in MessagePack-RPC", function()
        local argument = { Data = "\0\1\255", When = { seconds = 1699980200, nanoseconds = 5e8 },
            Big = -9223372036854775807LL - 1, Huge = 18446744073709551615ULL, Name = "n",
            Counts = { [7] = 70 }, Next = 3 }
        local types = require "perigee.rpc.types"
        local wanted = assert(types.parse { { "Data", "bytes" }, { "When", "time" },
            { "Big", "int64" }, { "Huge", "uint64" }, { "Name", "string" },
            { "Counts", "map[int]int" }, { "Next", "*int" } })
        local peer = assert(stream.connect(running.rpc))
        peer:write("\x94\0\1\xaaTypes.Echo\x91" .. assert(msgpack.encode(argument, wanted, "it")))
        local text = ""
        while not msgpack.decode(text) do
            text = text .. assert(peer:read())
        end
        local answer = msgpack.decode(text)
        peer:close()
        assert.equal(json.null, answer[3])
        assert.same(SEEN, seen())
        assert.equal("\0\1\255", answer[4].Data)
        assert.is_true(answer[4].Big == argument.Big)
        assert.is_true(answer[4].Huge == argument.Huge)
        assert.same({ [7] = 70 }, answer[4].Counts)
        assert.equal(1699980200, answer[4].When.seconds)
    end)
end)
