-- A client in Lua: calls the calculator at port 1234, be it calculator.lua or server.go.
-- The host is started with --allow-network 127.0.0.1:1234, as nothing may be dialled without.
local http = require "perigee.http"
local rpc = require "perigee.rpc"

local calculator = rpc.dial("tcp://127.0.0.1:1234", { codec = "gob" })
local app = http.router()

app:get("/", function(request, response)
    local args = { A = tonumber(request.query.a), B = tonumber(request.query.b) }
    local sum, _, problem = calculator:call("Calculator.Add", args)
    if not sum then
        return http.error(502, problem)
    end
    response:text(("Result: %d\n"):format(sum))
end)

return { http = app }
