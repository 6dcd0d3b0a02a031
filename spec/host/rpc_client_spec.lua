--- The client of perigee.rpc against services of a running host.
local host = require "spec.support.host"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local CALCULATOR = [[
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local waiting = perigee.chan()
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Fail()
    return nil, "no luck"
end

function Calculator.Echo(args)
    return args
end

function Calculator.Slow()
    waiting:recv()
    return "slow"
end

function Calculator.Wake()
    waiting:send(true)
end

Calculator.Empty = rpc.method { args = "any", reply = { Name = "string", Below = "[]int" },
    fn = function() return {} end }

return { rpc = { Calculator = Calculator } }
]]

local CALLERS, CALLS = 64, 50

-- Starts fn(i) as `count` tasks and waits for all.
local function together(count, fn)
    local group = perigee.group()
    for i = 1, count do
        group:go(fn, i)
    end
    assert(group:wait())
end

for _, codec in ipairs { "msgpack", "gob", "jsonrpc", "json" } do
    describe("a client with the codec " .. codec, function()
        local running, client

        before_each(function()
            running = host.start({ services = { ["calculator.lua"] = CALCULATOR } })
            client = rpc.dial("tcp://" .. running.rpc, { codec = codec })
        end)

        after_each(function()
            client:close()
            host.stop_all()
        end)

        it("gets results and errors", function()
            assert.equal(15, client:call("Calculator.Add", { A = 10, B = 5 }))
            assert.same({ "x", "y" }, client:call("Calculator.Echo", { "x", "y" }))
            assert.equal(2 ^ 53 + 1LL, client:call("Calculator.Echo", 2 ^ 53 + 1LL))
            local value, problem, detail = client:call("Calculator.Fail", 1)
            assert.same({ nil, "failed", "no luck" }, { value, problem, detail })
            value, problem, detail = client:call("Calculator.Sub", 1)
            assert.same({ nil, "not_found" }, { value, problem })
            assert.equal(codec == "json" and "Method not found"
                or "rpc: can't find method Calculator.Sub", detail)
        end)

        it("sends args and takes replies of declared types", function()
            local options = { args = "float64", reply = "float64" }
            assert.equal(4, client:call("Calculator.Echo", 4, options))
            local value, problem = client:call("Calculator.Echo", "four", options)
            assert.same({ nil, "invalid" }, { value, problem })
            options = { args = "any", reply = { Name = "string", Below = "[]int" } }
            assert.same({ Name = "", Below = {} }, client:call("Calculator.Empty", 1, options))
        end)

        it("shares one connection between many tasks", function()
            together(CALLERS, function(i)
                for j = 1, CALLS do
                    assert.equal(i + j, client:call("Calculator.Add", { A = i, B = j }))
                end
            end)
        end)

        it("takes answers in whatever order they come", function()
            local slow
            together(2, function(i)
                if i == 1 then
                    slow = client:call("Calculator.Slow", 1)
                else
                    assert.equal(3, client:call("Calculator.Add", { A = 1, B = 2 }))
                    assert.is_nil(slow)
                    client:call("Calculator.Wake", 1)
                end
            end)
            assert.equal("slow", slow)
        end)
    end)
end
