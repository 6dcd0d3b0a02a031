--- The tables of tools/bench/http: http_report.lua FIGURES [half SERVER]
-- FIGURES has lines "KIND NAME SERVER NUMBER": rate (requests a second), cpu (microseconds of
-- each), p99 (microseconds at half of the saturating load), idle (bytes a connection); and
-- "failed ..." for what went wrong. Medians of each are taken. With `half`, half of a server's
-- median rate.
local SERVERS = { "ceiling", "perigee", "nginx", "go", "node" }
local LOADS = { "text", "pipelined", "json", "greet", "file", "upload" }

-- What is to be reached: Perigee's figure over another server's, at least or at most.
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

local figures, failures = {}, {}

for line in io.lines(arg[1]) do
    local kind, name, server, number = line:match("^(%S+) (%S+) (%S+) (%S+)$")
    if kind and tonumber(number) and kind ~= "failed" then
        local key = kind .. name .. server
        figures[key] = figures[key] or {}
        table.insert(figures[key], tonumber(number))
    else
        failures[#failures + 1] = line
    end
end

--- nil when it was not measured.
local function median(kind, name, server)
    local list = figures[kind .. name .. server]
    if not list then
        return nil
    end
    table.sort(list)
    local middle = (#list + 1) / 2
    return (list[math.floor(middle)] + list[math.ceil(middle)]) / 2
end

local function print_row(title, kind, name, format)
    local cells = {}
    for i, server in ipairs(SERVERS) do
        local figure = median(kind, name, server)
        cells[i] = ("%10s"):format(figure and format:format(figure) or "-")
    end
    print(("%-28s"):format(title) .. table.concat(cells))
end

local function print_figures()
    print(("%-28s"):format("") .. ("%10s"):rep(#SERVERS):format(unpack(SERVERS)))
    for _, name in ipairs(LOADS) do
        print_row(name .. ", requests/s", "rate", name, "%.0f")
    end
    for _, name in ipairs(LOADS) do
        print_row(name .. ", us of CPU each", "cpu", name, "%.2f")
    end
    print_row("p99 at half load, us", "p99", "text", "%.0f")
    print_row("idle connection, bytes", "idle", "text", "%.0f")
end

--- How far a ratio is from its goal; positive when it missed it.
local function miss_of(goal, ratio)
    if goal.least then
        return 1 - ratio / goal.least
    end
    return ratio / goal.most - 1
end

local function print_goal(goal)
    local figure = median(goal[2], goal[3], "perigee")
    local other = goal[4] and median(goal[2], goal[3], goal[4]) or 1
    if figure then
        local miss = miss_of(goal, figure / other)
        print(("%-40s %8.4g   %s %.4g   %s"):format(goal[1], figure / other,
            goal.least and ">=" or "<=", goal.least or goal.most,
            miss <= 0 and "reached" or ("missed by %.1f %%"):format(miss * 100)))
    end
end

if arg[2] == "half" then
    print(("%.0f"):format(median("rate", "text", arg[3]) / 2))
else
    print_figures()
    print()
    for _, goal in ipairs(GOALS) do
        print_goal(goal)
    end
    for _, line in ipairs(failures) do
        print(line)
    end
end
