-- A calculator for clients in Go (client.go) and in Lua (sum.lua).
local rpc = require "perigee.rpc"

local Calculator = {}

Calculator.Add = rpc.method {
    doc = "The sum of both numbers.",
    args = { name = "Args", { "A", "int" }, { "B", "int" } },
    reply = "int",
    fn = function(args)
        return args.A + args.B
    end,
}

return { rpc = { Calculator = Calculator } }
