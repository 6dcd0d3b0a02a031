--- The tables of tools/bench/gateway: gateway_report.lua FIGURES
-- FIGURES, see figures.lua, has rate (requests a second) and cpu (microseconds of each).
local figures = dofile(arg[0]:match("^.*/") .. "figures.lua")

local SERVERS = { "direct", "haproxy", "perigee" }

local ROWS = {
    { "text, 64 connections, requests/s", "rate", "text", "%.0f" },
    { "text, us of CPU each", "cpu", "text", "%.2f" },
}

-- What is to be reached.
local GOALS = {
    { "text, requests/s, of HAProxy", "rate", "text", "haproxy", least = 0.9 },
    { "text, CPU of each, of HAProxy's", "cpu", "text", "haproxy", most = 1.11 },
}

local measured = figures.read(arg[1])
measured:print_table(SERVERS, ROWS)
print()
measured:print_goals(GOALS)
measured:print_failures()
