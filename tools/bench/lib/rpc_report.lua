--- The tables of tools/bench/rpc: rpc_report.lua FIGURES
-- FIGURES, see figures.lua, has rate (calls a second) and cpu (microseconds of the server's for
-- each).
local figures = dofile(arg[0]:match("^.*/") .. "figures.lua")

local LOADS = {
    { "gob, 64 callers", "gob_64" },
    { "gob, 1 caller", "gob_1" },
    { "gob, 64 connections", "gob_64_connections" },
    { "JSON-RPC, 64 callers", "json_64" },
    { "Lua's client, MessagePack-RPC, 64 tasks", "lua_msgpack_64" },
    { "Lua's client, gob, 64 tasks", "lua_gob_64" },
}

-- What is to be reached.
local GOALS = {
    { "gob, 64 callers", "rate", "gob_64", "go", least = 1.5 },
    { "CPU of a call, gob, 64 callers", "cpu", "gob_64", "go", most = 0.6 },
    { "gob, 1 caller", "rate", "gob_1", "go", least = 1 },
    { "gob, 64 connections", "rate", "gob_64_connections", "go", least = 1 },
    { "JSON-RPC, 64 callers", "rate", "json_64", "go", least = 1.5 },
    { "Lua to Lua, of Go to Go with gob", "rate", "lua_msgpack_64", "go", other_name = "gob_64",
        least = 2 },
}

local function rows(kind, unit, format)
    local list = {}
    for i, load in ipairs(LOADS) do
        list[i] = { load[1] .. ", " .. unit, kind, load[2], format }
    end
    return list
end

local measured = figures.read(arg[1])
measured:print_table({ "perigee", "go" }, rows("rate", "calls/s", "%.0f"))
print()
measured:print_table({ "perigee", "go" }, rows("cpu", "us of CPU each", "%.2f"))
print()
measured:print_goals(GOALS)
measured:print_failures()
