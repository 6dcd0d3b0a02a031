--- A new process of the program, perhaps of another version of it, takes the place of this one: it
-- gets the listening sockets, and when it is ready this one drains. If it does not become ready
-- this one goes on.
local event = require "perigee.core.event"
local host = require "host"
local inheritance = require "perigee.supervisor.inheritance"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local stream_peer = require "perigee.core.stream_peer"

local upgrade = {}

local SIGKILL = 9
local MAX_ENVIRONMENT_SIZE = 4 * 1024 * 1024

-- What was meant for this process alone.
local OWN_VARIABLES = { LISTEN_PID = true, LISTEN_FDS = true, LISTEN_FDNAMES = true,
    WATCHDOG_PID = true, [inheritance.VARIABLE] = true }

--- The environment this process was started with, for one that takes its place. After giving up the
-- rights of root it cannot be read any more.
function upgrade.environment()
    local list = { inheritance.VARIABLE .. "=" .. host.pid() }
    local text = assert(host.read_file("/proc/self/environ", MAX_ENVIRONMENT_SIZE))
    for variable in text:gmatch("[^%z]+") do
        if not OWN_VARIABLES[variable:match("^[^=]*")] then
            list[#list + 1] = variable
        end
    end
    return list
end

-- Each socket with its name, and their descriptors in the same order.
local function list_sockets(supervisor)
    local list, fds = {}, {}
    for name, given in pairs(supervisor.sockets) do
        for _, fd in ipairs(given.fds) do
            list[#list + 1] = { name = name, requested = given.requested }
            fds[#fds + 1] = fd
        end
    end
    return list, fds
end

local function spawn(environment, fds, descriptor)
    local command = {}
    for i, argument in ipairs(host.arguments()) do
        command[i + 1] = argument
    end
    command[1] = host.arguments()[0]
    return host.spawn({
        arguments = command,
        environment = environment,
        descriptors = { 0, 1, 2, descriptor, unpack(fds) },
    })
end

-- Asked by the new process when it serves. From here there is no way back.
local function hand_over(supervisor, attempt)
    if supervisor.is_stopping or attempt.is_closed then
        return nil, "it has waited too long, or is about to stop"
    end
    attempt.is_over = true
    supervisor.is_stopping = true
    supervisor.membership:hand_over()
    host.drain_server(supervisor.admin_server)
    supervisor.manager:hand_over(attempt.pid)
    scheduler.wake(attempt.task, attempt.wait_id, true)
    return true
end

local function open_peer(supervisor, control, attempt, list)
    local _, read = stream_peer.open(control, {
        list_sockets = function()
            return list
        end,
        hand_over = function()
            return hand_over(supervisor, attempt)
        end,
    })
    scheduler.spawn(read).name = "control of the new process"
end

local function await_exit(supervisor, attempt)
    local _, code = scheduler.wait_event(event.EXIT, attempt.child)
    supervisor.upgrade = nil
    scheduler.wake(attempt.task, attempt.wait_id, nil,
        code < 0 and ("was ended by signal %d"):format(-code)
        or ("exited with status %d"):format(code))
end

-- Returns true when the new process has taken over; or nil and why it has not.
local function await_hand_over(attempt, timeout_s)
    attempt.task = scheduler.current()
    attempt.wait_id = attempt.task.wait_id
    local _, reason = scheduler.wait(host.now() + timeout_s)
    attempt.is_closed = true
    if attempt.is_over then
        return true
    end
    return nil, reason == "timeout" and ("was not ready within %g s"):format(timeout_s) or reason
end

-- Returns true when it runs, and has the sockets; or nil and why it does not.
local function start(supervisor, attempt)
    local control, descriptor = stream.pair()
    if not control then
        return nil, "could not be given a stream: " .. descriptor
    end
    local list, fds = list_sockets(supervisor)
    local child, pid = spawn(supervisor.environment, fds, descriptor)
    host.close_descriptor(descriptor)
    if not child then
        control:close()
        return nil, ("could not be started: %s: %s"):format(host.arguments()[0], pid)
    end
    log.info("upgrade: a new process starts", { pid = pid })
    attempt.child, attempt.pid = child, pid
    open_peer(supervisor, control, attempt, list)
    scheduler.spawn(await_exit, supervisor, attempt).name = "exit of the new process"
    return await_hand_over(attempt, supervisor.settings.upgrade_s)
end

--- Ends a new process that has not taken over yet.
function upgrade.cancel(supervisor)
    local attempt = supervisor.upgrade
    if attempt and attempt.child then
        host.kill(attempt.child, SIGKILL)
    end
end

--- Starts a new process and waits for what becomes of it. Returns true when it has taken over: this
-- one only has to drain.
function upgrade.run(supervisor)
    if supervisor.upgrade then
        log.warn("upgrade: one is under way already")
        return false
    end
    -- Besides the child, its pid, and the wait of this task.
    local attempt = { is_over = false, is_closed = false }
    supervisor.upgrade = attempt
    local is_over, reason = start(supervisor, attempt)
    if is_over then
        log.info("upgrade: the new process has taken over; this one drains",
            { pid = attempt.pid })
        return true
    end
    log.error(("upgrade: the new process %s; this one goes on"):format(reason))
    upgrade.cancel(supervisor)
    if not attempt.child then
        supervisor.upgrade = nil
    end
    return false
end

return upgrade
