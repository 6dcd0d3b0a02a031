--- The command line: finds the command and runs it in a task. Exit status: 0 done, 1 failed, 2
-- wrong usage.
local flags = require "perigee.cli.flags"
local host = require "host"
local nearest = require "perigee.service.nearest"
local options = require "perigee.cli.options"
local scheduler = require "perigee.core.scheduler"

local COMMANDS = { "serve", "check", "new", "status", "reload", "call", "profile", "test" }
local COMMAND_FLAGS = { status = options.status, reload = options.admin, call = options.call,
    profile = options.profile }

scheduler.on_failure = function(...)
    require("perigee.failure").report(...)
end

local function fail(status, message)
    io.stderr:write("perigee: ", message, "\n")
    host.exit(status)
end

local function is_command(word)
    for _, name in ipairs(COMMANDS) do
        if word == name then
            return true
        end
    end
    return false
end

local function print_help()
    local lines = {
        "Perigee runs every Lua script of a directory as a service and replaces it on save.", "",
        "usage: perigee [serve] [DIR] [flags]", "       perigee COMMAND ...", "",
    }
    for _, name in ipairs(COMMANDS) do
        lines[#lines + 1] = "  " .. require("perigee.cli." .. name).summary
    end
    lines[#lines + 1] = "\nflags of serve; each is also a variable (--max-body is "
        .. "PERIGEE_MAX_BODY) and a key of\nthe configuration file (max_body):\n"
    lines[#lines + 1] = flags.describe(options.serve)
    io.stdout:write(table.concat(lines, "\n"), "\n")
    io.stdout:flush()
    host.exit(0)
end

-- What follows a bare "--" is never a flag, and what follows `test` is busted's.
local function asks_for_help(arguments)
    for i, argument in ipairs(arguments) do
        if argument == "--" or argument == "test" and i == 1 then
            return false
        elseif argument == "--help" or argument == "-h" or argument == "help" and i == 1 then
            return true
        end
    end
    return false
end

-- The whole page for commands that have no flags, or those of serve.
local function print_help_of(command)
    local own = COMMAND_FLAGS[command]
    if not own then
        return print_help()
    end
    io.stdout:write("usage: perigee ", require("perigee.cli." .. command).summary, "\n\n",
        flags.describe(own), "\n")
    io.stdout:flush()
    host.exit(0)
end

local function print_version()
    io.stdout:write("perigee ", (host.version()), " (", jit.version, ")\n")
    io.stdout:flush()
    host.exit(0)
end

-- A first word that is no command is the directory to serve, unless it looks like a mistyped
-- command.
local function find_command(arguments)
    local word = arguments[1]
    if word == nil or word:find("^%-") then
        return "serve", 1
    elseif is_command(word) then
        return word, 2
    elseif host.file_info(word) then
        return "serve", 1
    end
    local hint = nearest(word, COMMANDS)
    return nil, ("there is no command and no directory '%s'%s"):format(word,
        hint and (": did you mean 'perigee %s'?"):format(hint) or "; see perigee --help")
end

local function run(arguments)
    local first = arguments[1]
    if first == "worker" then
        return require("perigee.worker").run()
    elseif asks_for_help(arguments) then
        return print_help_of(first == "help" and arguments[2] or first)
    elseif first == "--version" then
        return print_version()
    end
    local name, start = find_command(arguments)
    if not name then
        return fail(2, start)
    end
    local rest = {}
    for i = start, #arguments do
        rest[#rest + 1] = arguments[i]
    end
    return require("perigee.cli." .. name).run(rest, fail)
end

local main = scheduler.spawn(run, host.arguments())
main.name = "main"
scheduler.on_finish(main, function(_, is_ok, failure, traceback)
    if not is_ok then
        fail(1, tostring(failure) .. "\n" .. tostring(traceback))
    end
end)

return true
