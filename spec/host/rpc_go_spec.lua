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

local ANY = [[
local null = require("perigee.json").null
local Any = {}

local function show(value)
    if type(value) ~= "table" then
        return value == null and "null" or tostring(value)
    end
    local pieces, keys = {}, {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for i, key in ipairs(keys) do
        pieces[i] = (type(key) == "string" and key .. "=" or "") .. show(value[key])
    end
    return "{" .. table.concat(pieces, ",") .. "}"
end

Any.Show = show
return { rpc = { Any = Any } }
]]

local WANTS = [[
local rpc = require "perigee.rpc"
local Wants = {}

local Inner = { name = "Inner", { "X", "int" } }

local function method(args)
    return rpc.method { args = args, reply = "int", fn = function()
        return 0
    end }
end

Wants.Struct = method { name = "Args", { "A", "int" }, { "B", "string" }, { "L", "[]float64" },
    { "M", "map[string]int" }, { "P", "*bool" }, { "D", "bytes" }, { "T", "time" },
    { "R", "[2]uint" }, { "Inner", { "[]", Inner } } }
Wants.Int = method "int"
Wants.Bytes = method "bytes"
Wants.List = method "[]int"
Wants.Map = method { "map[string]", Inner }

return { rpc = { Wants = Wants } }
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
        local client = go.build(root, "../../examples/calculator/client.go",
            running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal("Result: 15\n", output)
        assert.equal(0, status)
    end)

    it("may put values of any type into interfaces", function()
        local running = host.start({ services = { ["any.lua"] = ANY } })
        local client = go.build(root, "calculator/interfaces.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        local deep = "{Inside={Inside={1,{{Count=1,SKU=x},{Count=2,SKU=y}},{Label=c}},Label=b},"
            .. "Label=a}"
        assert.equal("<nil> {First=5,ID=1,Lines={},Named={},Note=basic}\n"
            .. "<nil> {First={Count=3,SKU=sku},ID=2,Lines={},Named={},Note=one struct}\n"
            .. "<nil> {First={Count=4,SKU=again},ID=3,Lines={},Named={},Note=known now}\n"
            .. "<nil> {First=" .. deep .. ",ID=4,Lines={null,s," .. deep
            .. ",1.5},Named={},Note=nested}\n"
            .. "<nil> {ID=5,Lines={},Named={k={t={{Count=9,SKU=z}}}},Note=maps}\n"
            .. "<nil> {First=" .. deep .. ",ID=6,Lines={},Named={},Note=and again}\n"
            .. "<nil> {Inside={Count=1,SKU=w},Label=top}\n", output)
        assert.equal(0, status)
    end)

    it("is told of arguments that do not fit in the words of Go", function()
        local running = host.start({ services = { ["wants.lua"] = WANTS } })
        local client = go.build(root, "calculator/mismatches.go", running.rpc:match("%d+$"))
        local status, output, log = go.run(client)
        assert.equal("", log)
        assert.equal(0, status)
        local count = 0
        for method, of_go, of_ours in output:gmatch("(%a+)\n([^\n]*)\n([^\n]*)\n") do
            count = count + 1
            assert.not_equal("<nil>", of_go)
            assert.equal(method .. ": " .. of_go:gsub("main%.", ""), method .. ": " .. of_ours)
        end
        assert.equal(20, count)
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
