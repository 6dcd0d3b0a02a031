--- The client of perigee.rpc against servers of Go's net/rpc, unchanged.
local eventually = require "spec.support.eventually"
local go = require "spec.support.go"
local perigee = require "perigee"
local program = require "spec.support.program"
local rpc = require "perigee.rpc"
local temporary = require "spec.support.temporary"

local CALLERS, CALLS = 64, 1000

local ITEM = { { "SKU", "string" }, { "Count", "uint8" }, name = "Item" }
local ORDER = {
    { "ID", "int64" }, { "Serial", "uint64" }, { "Note", "string" }, { "Paid", "bool" },
    { "Rate", "float32" }, { "Items", { "[]", ITEM } }, { "First", { "*", ITEM } },
    { "Prices", "map[string]float64" }, { "Names", "map[int]string" }, { "Codes", "[2]int" },
    { "Raw", "bytes" }, { "When", "time" }, { "Any", "any" },
    name = "Order",
}
local AS_ORDER = { args = ORDER, reply = ORDER }

local order = {
    ID = -9007199254740993LL, Serial = 18446744073709551615ULL, Note = "naïve <&>", Paid = true,
    Rate = 0.5, Items = { { SKU = "x", Count = 2 }, { SKU = "", Count = 255 } },
    First = { SKU = "first", Count = 0 }, Prices = { a = 1, b = 2.5 }, Names = { [7] = "seven" },
    Codes = { 1, -1 }, Raw = "\0\255raw",
    When = { seconds = 1700000000, nanoseconds = 123456789, offset = 19800 }, Any = "text",
}

local PRINTED = "-9007199254740993 18446744073709551615 \"naïve <&>\" true 0.5 [{x 2} { 255}] "
    .. "map[a:1 b:2.5] map[7:seven] [1 -1] [0 255 114 97 119] "
    .. "2023-11-15T03:43:20.123456789+05:30 text"

describe("a server in Go", function()
    local root, path, server, addresses, clients

    setup(function()
        root = temporary.new()
        path = go.build(root, "calculator/server.go")
    end)

    teardown(function()
        root:destroy()
    end)

    local function start_server(arguments)
        server = program.start(arguments or {}, { file = path })
        eventually(function()
            return server.output:find("ready") or server:has_ended()
        end, "the server is ready")
        addresses = {}
        for address in server.output:gmatch("[%d.]+:%d+") do
            addresses[#addresses + 1] = address
        end
    end

    before_each(function()
        start_server()
        clients = {
            gob = rpc.dial("tcp://" .. addresses[1], { codec = "gob", backoff_s = 0.001 }),
            DialHTTP = rpc.dial("tcp://" .. addresses[2], { codec = "gob", http = true,
                backoff_s = 0.001 }),
            jsonrpc = rpc.dial("tcp://" .. addresses[3], { codec = "jsonrpc", backoff_s = 0.001 }),
        }
    end)

    after_each(function()
        for _, client in pairs(clients) do
            client:close()
        end
        server:kill()
    end)

    for _, name in ipairs { "gob", "DialHTTP", "jsonrpc" } do
        describe("over " .. name, function()
            local client

            before_each(function()
                client = clients[name]
            end)

            it("answers calls and errors", function()
                assert.equal(15, client:call("Calculator.Add", { A = 10, B = 5 }))
                assert.equal(0, client:call("Calculator.Add", { A = 0, B = 0 }))
                assert.equal(3.5, client:call("Calculator.Divide", { A = 7, B = 2 }))
                assert.equal(4, client:call("Calculator.Divide", { A = 8, B = 2 }))
                assert.same({ nil, "failed", "divide by zero" },
                    { client:call("Calculator.Divide", { A = 7, B = 0 }) })
                assert.same({ nil, "not_found", "rpc: can't find method Calculator.Sub" },
                    { client:call("Calculator.Sub", { A = 7, B = 0 }) })
                assert.same({ nil, "not_found", "rpc: can't find service Other.Sub" },
                    { client:call("Other.Sub", { A = 7, B = 0 }) })
                assert.same({ nil, "not_found", "rpc: service/method request ill-formed: Sub" },
                    { client:call("Sub", { A = 7, B = 0 }) })
                local _, code = client:call("Calculator.Add", "a text")
                assert.equal("failed", code)
                assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
            end)

            it("takes and gives all that has a type", function()
                assert.equal(PRINTED, client:call("Echo.Print", order, { args = ORDER }))
                local echoed = client:call("Echo.Order", order, AS_ORDER)
                assert.same(order, echoed)
            end)

            it("takes and gives zero values", function()
                local echoed = client:call("Echo.Order", {}, AS_ORDER)
                assert.same({ 0, 0, "", {}, { 0, 0 }, -62135596800 }, { echoed.ID, echoed.Serial,
                    echoed.Note, echoed.Items, echoed.Codes, echoed.When.seconds })
                assert.equal(0, client:call("Calculator.Add", nil,
                    { args = { A = "int", B = "int" } }))
            end)

            it("keeps 64 bits", function()
                for _, value in ipairs { 0, -1, 2 ^ 53, 2 ^ 53 + 1LL, -2 ^ 63 + 0LL,
                    9223372036854775807LL } do
                    assert.equal(value, client:call("Echo.Int64", value, { args = "int64" }))
                end
                assert.equal(18446744073709551615ULL, client:call("Echo.Uint64",
                    18446744073709551615ULL, { args = "uint64" }))
            end)

            it("takes bytes, times, lists and maps by themselves", function()
                assert.equal("\0\1\255", client:call("Echo.Bytes", "\0\1\255",
                    { args = "bytes", reply = "bytes" }))
                local when = { seconds = 1, nanoseconds = 5, offset = 3600 }
                assert.same(when, client:call("Echo.Time", when, { args = "time", reply = "time" }))
                assert.same({ a = 0, b = 1 }, client:call("Echo.Strings", { "a", "b" }))
            end)

            it("answers many tasks on one connection", function()
                local group = perigee.group()
                for i = 1, CALLERS do
                    group:go(function()
                        for j = 1, CALLS / CALLERS + 1 do
                            assert.equal(i + j, client:call("Calculator.Add", { A = i, B = j }))
                        end
                    end)
                end
                assert(group:wait())
            end)

            it("answers in its own order", function()
                local slow, short = client:go("Echo.Sleep", 60000000000),
                    client:go("Echo.Sleep", 1000000)
                assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
                assert.is_true(short:wait())
                assert.is_false((slow:poll()))
            end)

            it("may be killed and started again", function()
                assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
                local slow = client:go("Echo.Sleep", 60000000000)
                assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
                local before = addresses
                server:kill()
                assert.equal("closed", select(2, slow:wait()))
                assert.equal("refused", select(2, client:call("Calculator.Add", { A = 1, B = 2 })))
                start_server(before)
                eventually(function()
                    return client:call("Calculator.Add", { A = 1, B = 2 }) == 3
                end, "the client has dialled again")
            end)
        end)
    end

    it("refuses a path where it has no net/rpc", function()
        local client = rpc.dial("tcp://" .. addresses[2], { codec = "gob", http = "/other" })
        local _, code, detail = client:call("Calculator.Add", { A = 1, B = 2 })
        assert.equal("refused", code)
        assert.matches("CONNECT was answered with '404 Not Found'", detail, 1, true)
        client:close()
    end)

    it("is told what cannot be sent without a type", function()
        local _, code, detail = clients.gob:call("Echo.Strings", {})
        assert.equal("invalid", code)
        assert.matches("args holds an empty table, .*; give its type with the option args", detail)
    end)
end)
