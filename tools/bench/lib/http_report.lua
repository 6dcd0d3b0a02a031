--- The tables of tools/bench/http: http_report.lua FIGURES [half SERVER]
-- FIGURES, see figures.lua, has rate (requests a second), cpu (microseconds of each), p99
-- (microseconds at half of the saturating load), and idle (bytes a connection). With `half`, half
-- of a server's median rate.
local figures = dofile(arg[0]:match("^.*/") .. "figures.lua")

local SERVERS = { "ceiling", "perigee", "nginx", "go", "node" }
local LOADS = { "text", "pipelined", "json", "greet", "file", "upload" }

-- What is to be reached.
local GOALS = {
    { "plain text, of the ceiling", "rate", "text", "ceiling", least = 0.95 },
    { "plain text, of nginx with Lua", "rate", "text", "nginx", least = 1.2 },
    { "plain text, of Go", "rate", "text", "go", least = 1.8 },
    { "pipelined by 16, of the ceiling", "rate", "pipelined", "ceiling", least = 0.55 },
    { "pipelined by 16, of nginx with Lua", "rate", "pipelined", "nginx", least = 6 },
    { "greet, of nginx with Lua", "rate", "greet", "nginx", least = 1.25 },
    { "greet, of Go", "rate", "greet", "go", least = 1.7 },
    { "greet, of Node", "rate", "greet", "node", least = 1 },
    { "CPU of a plain text, of the ceiling's", "cpu", "text", "ceiling", most = 1.1 },
    { "file of 1 MiB, of nginx", "rate", "file", "nginx", least = 1 },
    { "file of 1 MiB, of Go", "rate", "file", "go", least = 1.5 },
    { "upload of 1 MiB, of nginx with Lua", "rate", "upload", "nginx", least = 1 },
    { "upload of 1 MiB, of Go", "rate", "upload", "go", least = 1.5 },
    { "p99 at half load, of nginx with Lua", "p99", "text", "nginx", most = 1 },
    { "bytes of an idle connection", "idle", "text", most = 2048 },
}

local function rows()
    local list = {}
    for _, name in ipairs(LOADS) do
        list[#list + 1] = { name .. ", requests/s", "rate", name, "%.0f" }
    end
    for _, name in ipairs(LOADS) do
        list[#list + 1] = { name .. ", us of CPU each", "cpu", name, "%.2f" }
    end
    list[#list + 1] = { "p99 at half load, us", "p99", "text", "%.0f" }
    list[#list + 1] = { "idle connection, bytes", "idle", "text", "%.0f" }
    return list
end

local measured = figures.read(arg[1])

if arg[2] == "half" then
    print(("%.0f"):format(measured:median("rate", "text", arg[3]) / 2))
else
    measured:print_table(SERVERS, rows())
    print()
    measured:print_goals(GOALS)
    measured:print_failures()
end
