--- Go's own clients, unchanged, and services in Lua.
local go = require "spec.support.go"
local host = require "spec.support.host"
local temporary = require "spec.support.temporary"

local CALCULATOR = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local waiting = perigee.chan()
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Fail()
    return nil, "sum overflows int32"
end

function Calculator.Raise()
    error("no such luck")
end

function Calculator.Slow(args)
    waiting:recv()
    return args.A
end

function Calculator.Wake()
    waiting:send(true)
    return 1
end

local Args = { { "A", "int" }, { "B", "int" }, name = "Args" }

Calculator.Divide = rpc.method {
    args = Args,
    reply = { { "Quo", "int" }, { "Rem", "int" }, name = "Quotient" },
    fn = function(args)
        if args.B == 0 then
            return nil, "divide by zero"
        end
        return { Quo = math.floor(args.A / args.B), Rem = args.A % args.B }
    end,
}

Calculator.Mean = rpc.method {
    args = "[]int",
    reply = "float64",
    fn = function(numbers)
        local sum = 0
        for _, number in ipairs(numbers) do
            sum = sum + number
        end
        return sum / #numbers
    end,
}

return { rpc = { Calculator = Calculator } }
]]

local function expected(name)
    local lines = {}
    for _, line in ipairs {
        "<nil> 15", "<nil> 0", "rpc: can't find method Calculator.Sub",
        "rpc: can't find service Other.Add", "rpc: service/method request ill-formed: Add",
        "sum overflows int32", "no such luck", "<nil> {3 2}", "divide by zero", "<nil> 3", "0",
    } do
        lines[#lines + 1] = name .. " " .. line .. "\n"
    end
    return table.concat(lines)
end

describe("a client in Go", function()
    local root

    before_each(function()
        root = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        root:destroy()
    end)

    it("gets its result from the sample service", function()
        local running = host.start({ directory = "services" })
        local client = go.build(root, "calculator/client.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal("Result: 15\n", output)
        assert.equal(0, status)
    end)

    it("gets results and errors as from Go, over gob, DialHTTP and JSON", function()
        local running = host.start({ services = { ["calculator.lua"] = CALCULATOR } })
        local client = go.build(root, "calculator/kinds.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal(expected("gob") .. expected("http") .. expected("json"), output)
        assert.equal(0, status)
    end)
end)
