--- `perigee test [DIR]`: busted specs inside the host's own runtime, so that a spec may wait and
-- use every module.
local globals = require "perigee.core.globals"
local host = require "host"
local scheduler = require "perigee.core.scheduler"

local test = { summary = "test [DIR]      run busted specs in the host's runtime (default: spec)" }

-- Where Debian and LuaRocks keep modules for Lua 5.1, which LuaJIT does not look at by itself.
local LUA_PATH = "/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;"
    .. "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"
local LUA_CPATH = "/usr/local/lib/lua/5.1/?.so;/usr/lib/lua/5.1/?.so;"
    .. "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;/usr/lib/aarch64-linux-gnu/lua/5.1/?.so"

-- What perigee.shared has in specs, for this process alone.
local SHARED_SIZE = 16 * 1024 * 1024

-- busted ends the process from inside; the output must be out and the loop must end in order.
local function exit(code)
    io.stdout:flush()
    io.stderr:flush()
    local status = (code == true or code == nil or code == 0) and 0 or 1
    host.exit(status)
    -- Whatever a spec has left behind that wakes this task, it does not go on to another status.
    while true do
        scheduler.wait()
    end
end

local function find_busted()
    local is_found, runner = pcall(globals.require, "busted.runner")
    return is_found and runner or nil, runner
end

function test.run(arguments, fail)
    globals.package.path = globals.package.path .. ";" .. LUA_PATH
    globals.package.cpath = globals.package.cpath .. ";" .. LUA_CPATH
    globals.os.exit = exit
    globals.arg = arguments
    globals.arg[0] = "perigee test"
    local runner, reason = find_busted()
    if not runner then
        return fail(1, "perigee test needs busted (Debian: apt-get install lua-busted): "
            .. tostring(reason))
    end
    host.start_watchdog(50)
    assert(host.shared_memory_create(SHARED_SIZE))
    -- After failures busted raises nil: it has told what they were.
    local is_green, problem = pcall(runner, { standalone = false })
    if not is_green and problem ~= nil then
        return fail(1, tostring(problem))
    end
    exit(is_green)
end

return test
