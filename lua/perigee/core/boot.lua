--- The first code of every isolate: the environment and the `require` of Perigee's own modules.
-- Called by C with the seam, the name of the entry module and whether the isolate is the host's
-- own. Perigee's modules live in an environment that scripts never see; the globals of the state
-- are the script's.
local host, entry, is_privileged = ...

local setfenv = setfenv
local environment = {}
for name, value in pairs(_G) do
    environment[name] = value
end
environment._G = environment

-- `perigee.core.globals` is the state's own table, for the few who prepare it for scripts or tools.
local loaded = { host = host, ["perigee.core.globals"] = _G }
-- `perigee.core.modules` is this table, for whoever lets go of what is needed only once.
loaded["perigee.core.modules"] = loaded
-- Name -> the coroutine that loads it. That may have been cut, or ended: others do not wait for it.
local loading = {}
local running = coroutine.running

local function load_module(name)
    if not name:find("^perigee") then
        return host.library(name)
    end
    local thread = running() or "the main coroutine"
    if loading[name] == thread then
        error("module '" .. name .. "' requires itself", 3)
    end
    local chunk, message = host.load_module(name)
    if not chunk then
        error(message, 3)
    end
    loading[name] = thread
    local is_loaded, module = pcall(setfenv(chunk, environment), name)
    loading[name] = nil
    if not is_loaded then
        error(module, 0) -- such as memory that was refused; the next time may go well
    end
    return module
end

function environment.require(name)
    local module = loaded[name]
    if module == nil then
        module = load_module(name)
        -- Whoever was cut in the middle of loading it takes the one that has come into use since.
        if loaded[name] == nil then
            loaded[name] = module
        end
    end
    return loaded[name]
end

-- The host's own isolates run tools written for plain Lua, such as busted: they find Perigee's
-- modules too, and the seam.
if is_privileged then
    table.insert(package.loaders, 2, function(name)
        if name == "host" or name == "perigee" or name:find("^perigee%.") then
            return environment.require
        end
    end)
end

-- Machine code is outside the counted heap, so it has a bound of its own. What prepares a service
-- runs once: its code is not worth machine code, so the compiler is switched on for the script.
local jit_options = host.library("jit.opt")
jit_options.start("maxmcode=2048", "sizemcode=64", "maxtrace=2000")
if not is_privileged then
    environment.jit.off()
end

local scheduler = environment.require("perigee.core.scheduler")
environment.require(entry)
return scheduler.turn
