--- What services and methods there are, asked of the host itself in each protocol.
local go = require "spec.support.go"
local host = require "spec.support.host"
local json = require "perigee.json"
local stream = require "perigee.core.stream"
local temporary = require "spec.support.temporary"

local CALCULATOR = [[
local rpc = require "perigee.rpc"
local Calculator = { constant = 3 }

function Calculator.Add(args)
    return args.A + args.B
end

Calculator.Divide = rpc.method {
    doc = "The quotient and the rest.",
    args = { name = "Args", { "A", "int" }, { "B", "int" } },
    reply = { name = "Quotient", { "Quo", "int" }, { "Rem", "[]*int" } },
    fn = function() end,
}

return { rpc = { Calculator = Calculator, Another = { Hello = function() end } } }
]]

local ADD = { Name = "Add", Args = "", Reply = "", Doc = "" }
local DIVIDE = { Name = "Divide", Args = "Args struct { A int; B int }",
    Reply = "Quotient struct { Quo int; Rem []*int }", Doc = "The quotient and the rest." }
local ANOTHER = { Name = "Another",
    Methods = { { Name = "Hello", Args = "", Reply = "", Doc = "" } } }
local CALCULATOR_SERVICE = { Name = "Calculator", Methods = { ADD, DIVIDE } }
local LAST = { Name = "Last", Methods = { { Name = "Of", Args = "", Reply = "[]string",
    Doc = "" } } }
local ALL = { ANOTHER, CALCULATOR_SERVICE, LAST }

describe("rpc.describe", function()
    local root, running

    setup(function()
        root = temporary.new()
        running = host.start({ workers = 2, services = {
            ["calculator.lua"] = CALCULATOR,
            ["last.lua"] = [[return { replicas = 1, rpc = { Last = {
                Of = require("perigee.rpc").method { reply = "[]string", fn = function() end },
            } } }]],
            ["silent.lua"] = "return { rpc = { Silent = {} } }",
        } })
    end)

    teardown(function()
        host.stop_all()
        root:destroy()
    end)

    local function say(bytes, size)
        local peer = assert(stream.connect(running.rpc))
        peer:write(bytes)
        local text = ""
        while not (size and #text >= size or not size and text:find("\n")) do
            text = text .. assert(peer:read())
        end
        peer:close()
        return text
    end

    local function ask(params)
        return json.decode(say(('{"jsonrpc":"2.0","method":"rpc.describe"%s,"id":1}'):format(
            params)))
    end

    it("tells every service of all workers, with types and a line for people", function()
        for _ = 1, 4 do
            assert.same(ALL, ask("").result)
        end
        assert.same({ CALCULATOR_SERVICE }, ask(',"params":["Calculator"]').result)
        assert.same(ALL, ask(',"params":[""]').result)
        assert.same({ LAST }, ask(',"params":["Last"]').result)
    end)

    it("says what it does not know", function()
        assert.same({ code = -32602, message = "rpc: can't find service Nobody" },
            ask(',"params":["Nobody"]').error)
        assert.same({ code = -32602, message = "args must be a string, got 7" },
            ask(',"params":[7]').error)
        assert.matches("rpc: can't find method rpc.other",
            say('{"method":"rpc.other","params":[""],"id":1}'), 1, true)
    end)

    it("refuses what is asked too often at once, and answers the others", function()
        local peer = assert(stream.connect(running.rpc))
        local request = '{"jsonrpc":"2.0","method":"rpc.describe","id":1}'
        peer:write(request:rep(150))
        local text = ""
        local function count(pattern)
            return select(2, text:gsub(pattern, ""))
        end
        while count('"id":1}\n') < 150 do
            text = text .. assert(peer:read())
        end
        peer:close()
        assert.is_true(count('"result":') >= 100)
        assert.is_true(count('"code":%-32002') > 0)
        assert.same(ALL, ask("").result)
    end)

    it("is JSON-RPC 1.0 and MessagePack-RPC too", function()
        assert.same(ALL, json.decode(say('{"method":"rpc.describe","params":[""],"id":1}')).result)
        local silent = say("\x94\0\1\xacrpc.describe\x91\xa6Silent", 10)
        assert.matches("rpc: can't find service Silent", silent, 1, true)
        assert.matches("^\x94\1\1\xc0\x91\x82", say("\x94\0\1\xacrpc.describe\x91\xa4Last", 6))
    end)

    it("is GET /rpc", function()
        local answer = running:get("/rpc")
        assert.equal(200, answer.status)
        assert.same(ALL, json.decode(answer.body))
        assert.equal("application/json", answer:header("content-type"))
        answer = running:request({ method = "POST", target = "/rpc/rpc.describe", body = '"Last"',
            fields = { "Content-Type", "application/json" } })
        assert.same({ LAST }, json.decode(answer.body))
        answer = running:request({ method = "PUT", target = "/rpc" })
        assert.equal(405, answer.status)
        assert.equal("GET, POST", answer:header("allow"))
        answer = running:get("/rpc/Calculator.Add")
        assert.equal(405, answer.status)
        assert.equal("POST", answer:header("allow"))
    end)

    it("is called by Go", function()
        local client = go.build(root, "calculator/describe.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal("<nil> [{Calculator [{Add   } {Divide Args struct { A int; B int } "
            .. "Quotient struct { Quo int; Rem []*int } The quotient and the rest.}]}]\n", output)
        assert.equal(0, status)
    end)
end)

describe("rpc.describe of a host that changes", function()
    after_each(host.stop_all)

    it("tells what is live", function()
        local running = host.start({ services = { ["a.lua"] = "return {}" } })
        assert.equal("[]", running:get("/rpc").body)
        running:write("a.lua", "return { rpc = { A = { B = function() end } } }")
        running:wait_for_body("/rpc",
            '[{"Name":"A","Methods":[{"Name":"B","Args":"","Reply":"","Doc":""}]}]')
        assert.same({ "A.B" }, running:service("a").methods)
    end)

    it("leaves /rpc to a service that is mounted there", function()
        local running = host.start({ services = {
            ["a.lua"] = "return { mount = '/rpc', http = function() return 'mine' end }",
        } })
        assert.equal("mine", running:body("/rpc"))
    end)
end)
