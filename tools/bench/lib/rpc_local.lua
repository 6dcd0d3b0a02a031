-- The service named a offers a method; b calls it and says how long a call took, by one task and by
-- 64 at once. Served twice, under both names, which have their homes in different workers when
-- there are two.
local http = require "perigee.http"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

local name = ...
local Calculator = {}

function Calculator.Add(args)
    return args.A + args.B
end

if name == "a" then
    return { rpc = { Calculator = Calculator }, replicas = 1 }
end

local calculator = rpc.service("Calculator")
local app = http.router()

local function call(count)
    for number = 1, count do
        assert(calculator:call("Add", { A = number, B = 5 }) == number + 5)
    end
end

app:get("/:tasks/:count", function(request)
    local task_count, count = tonumber(request.params.tasks), tonumber(request.params.count)
    local group = perigee.group()
    local began = perigee.now()
    for _ = 1, task_count do
        group:go(call, count / task_count)
    end
    group:wait()
    return ("%.0f"):format((perigee.now() - began) / count * 1e9)
end)

return { http = app, replicas = 1 }
