--- RPC calls go on while their service is replaced, and while the host stops.
local eventually = require "spec.support.eventually"
local go = require "spec.support.go"
local host = require "spec.support.host"
local json = require "perigee.json"
local program = require "spec.support.program"
local temporary = require "spec.support.temporary"

local SIGTERM = 15

local TEMPLATE = [[
local perigee = require "perigee"
local Calculator = {}

function Calculator.Add(args)
    perigee.sleep(0.001)
    return args.A + args.B
end

function Calculator.Version()
    return %d
end

return { rpc = { Calculator = Calculator } }
]]

describe("a reload under calls", function()
    local root

    before_each(function()
        root = temporary.new()
    end)

    after_each(function()
        host.stop_all()
        root:destroy()
    end)

    local function ask(running, method)
        local answer = running:request({ method = "POST", target = "/rpc/" .. method,
            fields = { "Content-Type", "application/json" }, body = "" })
        return json.decode(answer.body)
    end

    it("fails none of them", function()
        local running = host.start({ services = { ["calculator.lua"] = TEMPLATE:format(0) } })
        local load = program.start({}, {
            file = go.build(root, "calculator/load.go", running.rpc:match("%d+$")),
        })
        eventually(function()
            return load.output:find("under way", 1, true)
        end, "the calls are under way")
        for version = 1, 10 do
            running:write("calculator.lua", TEMPLATE:format(version))
            eventually(function()
                return ask(running, "Calculator.Version") == version
            end, "version " .. version .. " is live")
        end
        load:signal(SIGTERM)
        assert.equal(0, load:wait())
        assert.equal("under way\nfailed 0 of some: true\n", load.output)
    end)
end)
