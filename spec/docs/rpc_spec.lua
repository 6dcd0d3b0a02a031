-- Runs the Lua blocks of docs/rpc.md, which call a service of a running host.
local host = require "spec.support.host"
local lua_blocks = require "spec.support.lua_blocks"
local rpc = require "perigee.rpc"

local SERVICE = [[
local rpc = require "perigee.rpc"

local refused_count = 0
local Calculator, Statistics = {}, {}

function Calculator.Add(args)
    return args.A + args.B
end

function Calculator.Token(args)
    return args.Token
end

function Calculator.Third()
    refused_count = refused_count + 1
    return refused_count >= 3 and refused_count or nil, "perigee: too busy, call again"
end

Statistics.Mean = rpc.method {
    args = "[]float64", reply = "float64",
    fn = function(numbers)
        return (numbers[1] + numbers[2] + numbers[3]) / 3
    end,
}

return { rpc = { Calculator = Calculator, Statistics = Statistics } }
]]

describe("docs/rpc.md", function()
    local running, logged, counted, environment, client

    -- What the page logs and counts stays here, and its address is the host's.
    local replaced = {
        ["perigee.rpc"] = { dial = function()
            client = rpc.dial("tcp://" .. running.rpc)
            return client
        end },
        ["perigee.log"] = { info = function(_, fields)
            logged[#logged + 1] = fields
        end },
        ["perigee.shared"] = { counter = function(name)
            return { add = function(_, n)
                counted[name] = (counted[name] or 0) + n
            end }
        end },
    }

    setup(function()
        running = host.start({ services = { ["calculator.lua"] = SERVICE } })
        logged, counted = {}, {}
        environment = setmetatable({}, { __index = _G })
        function environment.require(name)
            return replaced[name] or require(name)
        end
        -- The page's blocks share what they declare, as a reader takes them to.
        local page = table.concat(lua_blocks "docs/rpc.md")
            .. "\nreturn { sum = sum, mean = mean, total = total }"
        environment.results = setfenv(assert(loadstring(page, "@docs/rpc.md")), environment)()
    end)

    teardown(function()
        client:close()
        host.stop_all()
    end)

    it("calls, with types, and without waiting", function()
        assert.same({ sum = 15, mean = 3, total = 10 }, environment.results)
    end)

    it("logs, counts and adds a token", function()
        assert.equal("open-sesame", client:call("Calculator.Token", {}))
        assert.equal("Calculator.Token", logged[#logged].method)
        assert.is_true(logged[#logged].seconds > 0)
        assert.equal(1, counted["calls.ok"])
        client:call("Calculator.Sub", {})
        assert.equal(1, counted["calls.not_found"])
    end)

    it("tries again", function()
        local before = counted["calls.ok"]
        assert.equal(3, client:call("Calculator.Third", {}))
        assert.equal(before + 1, counted["calls.ok"])
    end)
end)
