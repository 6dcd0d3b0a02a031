--- The real binary as a child of the spec: its output, its end, and certainty that nothing of it is
-- left.
local event = require "perigee.core.event"
local eventually = require "spec.support.eventually"
local perigee = require "perigee"
local scheduler = require "perigee.core.scheduler"
local seam = require "host"
local stream = require "perigee.core.stream"

local program = {}
local methods = {}
local metatable = { __index = methods }

local SIGKILL, SIGTERM = 9, 15
local LAST_WORDS_SIZE = 2000

-- Long enough for a host that has nothing to do.
local GRACE_S = 1

--- The binary under test.
function program.path()
    return os.getenv("PERIGEE_BINARY") or seam.program_path()
end

local function collect(self, name, source)
    self.open_count = self.open_count + 1
    scheduler.spawn(function()
        local bytes = source:read()
        while bytes do
            self[name] = self[name] .. bytes
            bytes = source:read()
        end
        source:close()
        self.open_count = self.open_count - 1
    end).name = name
end

local function await_exit(self)
    scheduler.spawn(function()
        local _, code = scheduler.wait_event(event.EXIT, self.child)
        self.status = code
    end).name = "exit of " .. self.pid
end

-- It dies with the process that runs the specs, also when that crashes, and its workers with it.
local function compose_command(arguments, options)
    local command = { unpack(options.prefix or {}) }
    for _, argument in ipairs({ "/usr/bin/setpriv", "--pdeathsig", "KILL", "/usr/bin/env" }) do
        command[#command + 1] = argument
    end
    for name, value in pairs(options.environment or {}) do
        command[#command + 1] = name .. "=" .. value
    end
    command[#command + 1] = options.file or program.path()
    for _, argument in ipairs(arguments) do
        command[#command + 1] = argument
    end
    return command
end

--- Starts the binary. `options` = { file = another one, environment = { NAME = value }, directory =
-- to run in, prefix = the command that runs it and its arguments }.
function program.start(arguments, options)
    options = options or {}
    local output, output_fd = assert(stream.pair())
    local log, log_fd = assert(stream.pair())
    local self = setmetatable({ output = "", log = "", open_count = 0, status = nil }, metatable)
    self.child, self.pid = assert(seam.spawn({
        arguments = compose_command(arguments, options),
        descriptors = { -1, output_fd, log_fd },
        directory = options.directory,
    }))
    seam.close_descriptor(output_fd)
    seam.close_descriptor(log_fd)
    collect(self, "output", output)
    collect(self, "log", log)
    await_exit(self)
    return self
end

--- Runs the binary to its end. Returns its status, standard output and standard error.
function program.run(arguments, options)
    local self = program.start(arguments, options)
    self:wait()
    return self.status, self.output, self.log
end

--- The end of what it has said, for messages.
function methods:last_words()
    return self.log:sub(-LAST_WORDS_SIZE)
end

--- The process `pid` has taken the place of this one, and shares its output.
function methods:follow(pid)
    self.pid, self.is_followed = pid, true
end

function methods:has_ended()
    if self.is_followed then
        return not seam.file_info(("/proc/%d"):format(self.pid))
    end
    return self.status ~= nil
end

--- Waits for the end of the process and of all that share its output. Returns the exit status, or
-- minus the signal.
function methods:wait()
    eventually(function()
        return self.status and self.open_count == 0
    end, "perigee ends; it said:\n" .. self:last_words())
    return self.status
end

function methods:signal(number)
    if self.is_followed then
        os.execute(("kill -%d %d 2>/dev/null"):format(number, self.pid))
    else
        seam.kill(self.child, number)
    end
end

local function read_numbers(path)
    local numbers = {}
    local file = io.open(path)
    for number in (file and file:read("*a") or ""):gmatch("%d+") do
        numbers[#numbers + 1] = tonumber(number)
    end
    if file then
        file:close()
    end
    return numbers
end

--- The process ids of its children. The loop has a thread of its own, so any thread may be the
-- parent.
function methods:children()
    local pids = {}
    local tasks = ("/proc/%d/task"):format(self.pid)
    for _, thread in ipairs(seam.list_directory(tasks) or {}) do
        for _, pid in ipairs(read_numbers(("%s/%s/children"):format(tasks, thread))) do
            pids[#pids + 1] = pid
        end
    end
    return pids
end

--- Ends it in order if it does not take long, so that a sanitizer can look for leaks, or else by
-- force.
function methods:finish()
    local deadline = perigee.now() + GRACE_S
    self:signal(SIGTERM)
    while not self:has_ended() and perigee.now() < deadline do
        perigee.sleep(0.001)
    end
    self:kill()
end

--- Ends whatever is left of it, at once.
function methods:kill()
    if not self:has_ended() then
        for _, pid in ipairs(self:children()) do
            os.execute(("kill -9 %d 2>/dev/null"):format(pid))
        end
        self:signal(SIGKILL)
    end
    self:wait()
end

return program
