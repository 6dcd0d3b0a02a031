local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

return { rpc = { Calculator = Calculator } }
