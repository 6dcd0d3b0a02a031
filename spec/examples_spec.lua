-- Every example says in its header what a client sees: lines "-- $ curl ..." and the answer below
-- each. Here those commands are run against a host that serves examples/.
local host = require "spec.support.host"
local seam = require "host"

local function read(path)
    return assert(seam.read_file(path, 1024 * 1024))
end

-- The commands of a header with the lines expected from them.
local function commands_of(text)
    local commands = {}
    for line in text:gmatch("([^\n]*)\n") do
        local rest = line:match("^%-%- ?(.*)$")
        if not rest then
            break
        end
        local command = rest:match("^%$ (curl .*)$")
        if command then
            commands[#commands + 1] = { command = command, expected = "" }
        elseif #commands > 0 and rest ~= "" then
            commands[#commands].expected = commands[#commands].expected .. rest
        end
    end
    return commands
end

-- Runs a command of ours. It holds up this process's loop, but not the host's; curl has a limit.
local function run(command)
    local pipe = assert(io.popen(command:gsub("^curl", "curl --max-time 10"), "r"))
    local output = pipe:read("*a")
    pipe:close()
    return output
end

local function list_scripts()
    local scripts = {}
    for _, name in ipairs(assert(seam.list_directory("examples"))) do
        if name:find("%.lua$") then
            scripts[#scripts + 1] = name
        end
    end
    return scripts
end

describe("the examples", function()
    local running

    setup(function()
        running = host.start { directory = "examples" }
    end)

    teardown(host.stop_all)

    for _, file in ipairs(list_scripts()) do
        local commands = commands_of(read("examples/" .. file))

        it("say what to type: " .. file, function()
            assert.is_true(#commands > 0)
        end)

        for _, example in ipairs(commands) do
            it(("do what they say: %s: %s"):format(file, example.command), function()
                local command = example.command:gsub("127%.0%.0%.1:8080", running.http)
                local expected = example.expected:gsub("127%.0%.0%.1:8080", running.http)
                -- A header breaks lines where it likes.
                assert.equal(expected, (run(command):gsub("\n", "")))
            end)
        end
    end
end)
