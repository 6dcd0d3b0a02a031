--- One worker as the supervisor sees it: spawned, spoken to over its control stream, watched,
-- restarted.
local event = require "perigee.core.event"
local host = require "host"
local log = require "perigee.log"
local scheduler = require "perigee.core.scheduler"
local stream = require "perigee.core.stream"
local stream_peer = require "perigee.core.stream_peer"

local worker_process = {}
local methods = {}
local metatable = { __index = methods }

local SIGKILL = 9

-- The file this process runs, also after another version has been installed over it.
local OWN_PROGRAM = "/proc/self/exe"

-- The first restart is at once; a worker that keeps dying is restarted ever more slowly.
local BACKOFF_FIRST_S, BACKOFF_LAST_S = 0.1, 5
local STABLE_S = 10

--- `options` = { slot=, http_fd=, mesh_fd=, shared_fd=, rpc_fd= or nil, bell_fds=, metrics_size=,
-- handlers=, on_up = function(worker), on_down = function(worker, reason) }. on_up runs in a task
-- once the process has said hello.
function worker_process.new(options)
    return setmetatable({
        slot = options.slot,
        options = options,
        state = "down", -- down, starting, up
        is_serving = false, -- it holds every live generation; set by perigee.supervisor.reload
        pid = nil,
        child = nil,
        peer = nil,
        pulse = assert(host.pulse_create()),
        arena = assert(host.metric_arena_create(options.metrics_size)),
        restarts = 0,
        backoff_s = 0,
        started_at = nil,
        is_wanted = true,
        kill_reason = nil,
        is_pinged = false, -- and has not answered yet
        culprit = nil, -- the service that it last died of
    }, metatable)
end

local function hello(self)
    return function()
        self.state = "up"
        self.options.on_up(self)
        return true
    end
end

local function open_peer(self, control)
    local handlers = { hello = hello(self) }
    for name, handler in pairs(self.options.handlers) do
        handlers[name] = function(body)
            return handler(body, self)
        end
    end
    local read
    self.peer, read = stream_peer.open(control, handlers)
    scheduler.spawn(read).name = "control of worker " .. self.slot
end

--- Starts the process. Returns true, or nil and a message.
function methods:start()
    local control, descriptor = stream.pair()
    if not control then
        return nil, descriptor
    end
    self.started_at = host.now()
    local child, pid = host.spawn({
        file = OWN_PROGRAM,
        arguments = { host.program_path(), "worker" },
        descriptors = { -1, 1, 2, descriptor, self.options.http_fd, self.options.mesh_fd,
            self.pulse:descriptor(), self.options.shared_fd, self.options.rpc_fd or -1,
            self.arena:descriptor(), unpack(self.options.bell_fds) },
    })
    host.close_descriptor(descriptor)
    if not child then
        control:close()
        return nil, ("worker %d could not be started: %s"):format(self.slot, pid)
    end
    self.child, self.pid = child, pid
    self.state = "starting"
    self.kill_reason = nil
    open_peer(self, control)
    scheduler.spawn(self.wait_for_exit, self).name = "exit of worker " .. self.slot
    return true
end

-- The host's own code has a name that no service can have.
local function describe_running(pulse)
    return pulse.running == "(host)" and "the host's own code" or "the service " .. pulse.running
end

local function describe_end(self, code)
    local how = code < 0 and ("was ended by signal %d"):format(-code)
        or ("exited with status %d"):format(code)
    if self.kill_reason then
        return how .. ": " .. self.kill_reason
    end
    local pulse = self.pulse:read()
    if code < 0 and pulse.turn_started > 0 then
        return ("%s while it ran %s"):format(how, describe_running(pulse))
    end
    return how
end

-- A worker that was killed from outside may have run any service just then.
local function find_culprit(self, code)
    local pulse = self.pulse:read()
    if pulse.turn_started > 0 and (self.kill_reason or code ~= -SIGKILL) then
        return pulse.running
    end
end

function methods:wait_for_exit()
    local _, code = scheduler.wait_event(event.EXIT, self.child)
    local reason = describe_end(self, code)
    self.culprit = find_culprit(self, code)
    self.state = "down"
    self.is_serving = false
    self.child = nil
    self.pulse:reset()
    self.peer:close("worker " .. self.slot .. " " .. reason)
    self.options.on_down(self, reason)
    if self.is_wanted then
        self:restart(reason)
    end
end

function methods:restart(reason)
    if host.now() - self.started_at > STABLE_S then
        self.backoff_s = 0
    end
    self.restarts = self.restarts + 1
    log.error(("worker %d %s; it is restarted"):format(self.slot, reason),
        { pid = self.pid, delay_s = self.backoff_s })
    if self.backoff_s > 0 then
        scheduler.wait(host.now() + self.backoff_s)
    end
    self.backoff_s = math.min(BACKOFF_LAST_S, math.max(BACKOFF_FIRST_S, self.backoff_s * 2))
    if not self.is_wanted then
        return
    end
    local is_started, message = self:start()
    if not is_started then
        log.error(message)
        return self:restart("could not be started")
    end
end

--- See peer:call. "closed" when the worker is not there.
function methods:call(op, body, timeout_s)
    if self.state == "down" then
        return nil, "closed", "worker " .. self.slot .. " is down"
    end
    return self.peer:call(op, body, timeout_s)
end

--- Ends the process if one isolate has had its turn for longer than `limit_s`.
function methods:check_pulse(limit_s)
    local pulse = self.child and self.pulse:read()
    if not pulse or pulse.turn_started == 0 or self.kill_reason then
        return
    end
    local turn_s = host.now() - pulse.turn_started
    if turn_s > limit_s then
        self:end_for(("%s did not give the processor back for %.1f s%s")
            :format(describe_running(pulse), turn_s,
                pulse.place ~= "" and ", at " .. pulse.place or ""))
    end
end

--- Ends the process, for a reason that the log tells; another takes its place.
function methods:end_for(reason)
    if self.child and not self.kill_reason then
        self.kill_reason = reason
        host.kill(self.child, SIGKILL)
    end
end

--- Ends the process for good, at once.
function methods:kill()
    self.is_wanted = false
    if self.child then
        host.kill(self.child, SIGKILL)
    end
end

return worker_process
