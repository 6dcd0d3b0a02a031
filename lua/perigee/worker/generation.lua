--- A service's isolate as its worker sees it: opened, spoken to by messages, drained and closed.
local cut = require "perigee.core.cut"
local host = require "host"
local instances = require "perigee.worker.instances"
local peer = require "perigee.core.peer"
local trace_relay = require "perigee.worker.trace_relay"

local generation = {}
local methods = {}
local metatable = { __index = methods }

local by_handle = {} -- isolate handle -> generation

-- The soft limit ends the task that reaches it; the hard one refuses, and is for single huge
-- requests.
local HARD_FACTOR = 2

-- Where the files are that a service may read: the folder its script is in.
local function folder_of(path)
    return path:match("^(.+)/[^/]*$") or path:sub(1, 1) == "/" and "/" or "."
end

--- Opens an isolate. `options` = { service=, number=, path= of the script, memory_size=,
-- readable = more folders it may read or nil, cpu_warning_s=, cpu_budget_s=,
-- fetch_module = function(name) }. Returns the generation, or nil and a message.
function generation.open(options)
    local handle, message = host.isolate_open({
        name = options.service,
        entry = "perigee.service.instance",
        folder = folder_of(options.path),
        readable = options.readable and table.concat(options.readable, "\n"),
        soft_size = options.memory_size,
        hard_size = options.memory_size * HARD_FACTOR,
    })
    if not handle then
        return nil, message
    end
    host.isolate_budget(handle, options.cpu_warning_s or 0, options.cpu_budget_s or 0)
    local self = setmetatable({
        cpu_warning_s = options.cpu_warning_s or 0,
        service = options.service,
        number = options.number,
        handle = handle,
        manifest = nil,
        memory_size = options.memory_size,
        is_closed = false,
        failure = nil,
    }, metatable)
    self.peer = peer.new({
        handlers = {
            module = function(body)
                return options.fetch_module(body.name)
            end,
            watch_instances = function(body)
                return instances.watch(self, body.name)
            end,
            list_services = instances.list,
            trace = function(body)
                trace_relay.take(options.service, body)
            end,
        },
        send = function(bytes)
            host.post(handle, bytes)
        end,
    })
    by_handle[handle] = self
    return self
end

--- The generation whose isolate has this handle.
function generation.find(handle)
    return by_handle[handle]
end

--- See peer:call. The operations are those of perigee.service.instance.
function methods:call(op, body, timeout_s)
    local result, code, detail = self.peer:call(op, body, timeout_s)
    if result == nil and code == "timeout" then
        detail = ("did not finish %s within %g s"):format(op == "load" and "loading" or op .. "()",
            timeout_s)
    end
    return result, code, detail
end

--- Sets how large its heap may grow, in place of what it was opened with.
function methods:limit_memory(size)
    self.memory_size = size
    host.isolate_limit(self.handle, size, size * HARD_FACTOR)
end

--- Sets how long its tasks may compute without waiting, likewise.
function methods:limit_cpu(budget_s)
    host.isolate_budget(self.handle, self.cpu_warning_s, budget_s)
end

--- Calls `op` as methods:call does, while the heap may be larger by so many bytes.
function methods:call_with_room(room_size, op, body, timeout_s)
    local size = self.memory_size
    self:limit_memory(size + room_size)
    local result, code, detail = self:call(op, body, timeout_s)
    if not self.is_closed then
        self:limit_memory(size)
    end
    return result, code, detail
end

--- Closes the isolate; requests it still has are answered 503.
function methods:close(reason)
    if self.is_closed then
        return
    end
    self.is_closed = true
    by_handle[self.handle] = nil
    self.peer:close(reason)
    host.isolate_close(self.handle)
end

--- Tells every WebSocket that it ends, with this close code, or goes on in the generation
-- `successor`.
function methods:close_sockets(code, successor)
    self.peer:notify("close_sockets", { code = code, successor = successor and successor.handle })
end

--- The host goes: WebSockets get this close code, streams of events end.
function methods:leave(code)
    self:close_sockets(code)
    self.peer:notify("end_event_streams")
end

--- Lets what is in flight finish, at most until `timeout_s`, cuts the rest, calls stop() and
-- closes. Returns what was cut, as perigee.core.cut has it.
function methods:retire(timeout_s, stop_timeout_s)
    local is_drained = self:call("drain", nil, timeout_s)
    local counts
    if not is_drained and not self.is_closed then
        counts = self:call("cut_all", nil, stop_timeout_s)
    end
    if not self.is_closed then
        self:call("stop", nil, stop_timeout_s)
    end
    self:close("the generation was retired")
    return counts or cut.none()
end

return generation
