-- For clients of Go's net/rpc (rpc.Dial("tcp", "localhost:1234")) and of JSON-RPC:
--
--    echo '{"method":"Calculator.Add","params":[{"A":10,"B":5}],"id":1}' | nc -N 127.0.0.1 1234
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

return { rpc = { Calculator = Calculator } }
