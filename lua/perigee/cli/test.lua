--- `perigee test [DIR]`: busted specs inside the host's own runtime, so that a spec may wait and
-- use every module. A spec whose task waits while nothing can wake it fails with Go's report.
local deadlock = require "perigee.core.deadlock"
local flags = require "perigee.cli.flags"
local globals = require "perigee.core.globals"
local host = require "host"
local options = require "perigee.cli.options"
local scheduler = require "perigee.core.scheduler"
local seeds = require "perigee.testing.seeds"
local testing = require "perigee.testing"
local timers = require "perigee.core.timers"
local virtual_clock = require "perigee.core.virtual_clock"

local test = { summary = "test [DIR]      run busted specs in the host's runtime (default: spec)" }

-- Where Debian and LuaRocks keep modules for Lua 5.1, which LuaJIT does not look at by itself.
local LUA_PATH = "/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;"
    .. "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"
local LUA_CPATH = "/usr/local/lib/lua/5.1/?.so;/usr/lib/lua/5.1/?.so;"
    .. "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;/usr/lib/aarch64-linux-gnu/lua/5.1/?.so"

-- What perigee.shared has in specs, for this process alone.
local SHARED_SIZE = 16 * 1024 * 1024
local ENDLESS = "the virtual clock fired a million timers, and the spec still waits"

-- busted ends the process from inside; the output must be out and the loop must end in order.
local function exit(code)
    local status = (code == true or code == nil or code == 0) and 0 or 1
    if status ~= 0 and seeds.given then
        io.stdout:write(("failed under seed %d; the same again: perigee test --seed %d ...\n")
            :format(seeds.given, seeds.given))
    end
    io.stdout:flush()
    io.stderr:flush()
    scheduler.on_idle = false
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

-- Called when no task is ready. The specs run in the task `main`.
local function on_idle(main)
    if virtual_clock.is_running() and virtual_clock.step() then
        return true
    end
    local is_endless = virtual_clock.is_exhausted()
    local function is_main(task)
        return task == main
    end
    if timers.count() > 0 and not is_endless then
        return false
    elseif is_endless and main.since then
        virtual_clock.stop()
        scheduler.fail_wait(main, deadlock.report(ENDLESS, is_main))
        return true
    end
    local stuck = deadlock.find(is_main)
    if stuck then
        scheduler.fail_wait(main, deadlock.report(deadlock.HEADLINE, is_main))
    end
    return stuck ~= nil
end

-- Each spec begins with the run's seed and ends with the host's clock, whatever became of it.
local function watch_specs()
    local make = globals.require "busted.core"
    globals.package.loaded["busted.core"] = function()
        local busted = make()
        busted.subscribe({ "test", "start" }, function()
            seeds.begin()
            return nil, true
        end)
        busted.subscribe({ "test", "end" }, function()
            virtual_clock.stop()
            seeds.begin()
            return nil, true
        end)
        return busted
    end
end

local function run_specs(arguments, fail)
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
    -- As services run there.
    if not host.is_preemptive() then
        jit.off()
    end
    assert(host.shared_memory_create(SHARED_SIZE))
    watch_specs()
    local main = scheduler.current()
    scheduler.on_idle = function()
        return on_idle(main)
    end
    -- After failures busted raises nil: it has told what they were.
    local is_green, problem = pcall(runner, { standalone = false })
    if not is_green and problem ~= nil then
        return fail(1, tostring(problem))
    end
    exit(is_green)
end

-- Runs the specs once for each seed, in a process of its own, until one fails.
local function run_under_seeds(first, count, arguments)
    for seed = first, first + count - 1 do
        io.stdout:write(("seed %d\n"):format(seed))
        io.stdout:flush()
        local child = assert(host.spawn({
            file = "/proc/self/exe",
            arguments = { host.program_path(), "test", "--seed", tostring(seed), "--seeds", "1",
                unpack(arguments) },
            descriptors = { -1, 1, 2 },
        }))
        local _, code = scheduler.wait_event(require("perigee.core.event").EXIT, child)
        if code ~= 0 then
            return host.exit(1)
        end
    end
    host.exit(0)
end

-- The flags of this command; whatever else there is belongs to busted.
local function split_arguments(arguments)
    local own, rest, list = {}, {}, nil
    for _, argument in ipairs(arguments) do
        local is_flag = argument:find("^%-%-seeds?$")
        -- The value of a flag follows it.
        if not list then
            list = (is_flag or argument:find("^%-%-seeds?=")) and own or rest
        end
        list[#list + 1] = argument
        list = is_flag and own or nil
    end
    return own, rest
end

function test.run(arguments, fail)
    local own, rest = split_arguments(arguments)
    local values, message = flags.parse_arguments(options.test, own)
    local is_ok = values ~= nil
    if is_ok then
        is_ok, message = flags.complete(options.test, values, os.getenv)
    end
    if not is_ok then
        return fail(2, message)
    end
    if values.seeds > 1 then
        return run_under_seeds(values.seed or 1, values.seeds, rest)
    end
    testing.is_in_specs, seeds.given = true, values.seed
    return run_specs(rest, fail)
end

return test
