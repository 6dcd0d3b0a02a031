-- What client.go does, in Lua: GET /caller?codec=&address=&connections=&callers=&milliseconds=
local http = require "perigee.http"
local perigee = require "perigee"
local rpc = require "perigee.rpc"

-- Whatever is no right answer is an error.
local function call(client, number, ends)
    local args, calls = { A = number, B = 0 }, 0
    while perigee.now() < ends do
        args.B = calls
        local sum, code, detail = client:call("Calculator.Add", args)
        if sum ~= number + calls then
            error(("%d + %d was answered: %s, %s, %s"):format(number, calls, tostring(sum),
                tostring(code), tostring(detail)))
        end
        calls = calls + 1
    end
    return calls
end

local function open(query)
    local clients = {}
    for i = 1, query.connections do
        clients[i] = rpc.dial("tcp://" .. query.address, { codec = query.codec })
    end
    return clients
end

local function call_all(clients, callers, ends)
    local tasks, calls = {}, 0
    for _, client in ipairs(clients) do
        for number = 1, callers do
            tasks[#tasks + 1] = perigee.go(call, client, number, ends)
        end
    end
    for _, task in ipairs(tasks) do
        local is_ok, count = task:join()
        assert(is_ok, count)
        calls = calls + count
    end
    return calls
end

local app = http.router()

app:get("/", function(request)
    local query = request.query
    local clients = open(query)
    local began = perigee.now()
    local calls = call_all(clients, tonumber(query.callers), began + query.milliseconds / 1000)
    local seconds = perigee.now() - began
    for _, client in ipairs(clients) do
        client:close()
    end
    return ("calls %d seconds %.6f\n"):format(calls, seconds)
end)

return { http = app }
